// The weight that query i gives to a key it sees, from their score (not normalised over the keys), and its derivative by the score.
// In place of these stand what the experiment file brings.
float forward(float score, uint i) { return score / float(i + 1); }
float backward(float score, uint i) { return 1.0 / float(i + 1); }
