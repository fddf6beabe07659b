// An activation and its derivative. In place of these stand what the experiment file brings.
float forward(float x) { return x; }
float backward(float x) { return 1.0; }
