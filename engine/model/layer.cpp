// Kept so that the layer exists.
