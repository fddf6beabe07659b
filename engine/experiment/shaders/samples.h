// Every op at work on a small problem: what gradients are checked on, and what a device's pipelines are collected from.
#pragma once

#include "graph/graph.h"

#include <functional>
#include <string>
#include <vector>

namespace ablate {

struct SampleInput {
  Shape shape;
  DType dtype = DType::f32;
  bool differentiable = true;
  std::uint32_t below = 0;  ///< integers: 0 <= id < below
};

struct OpSample {
  std::string name;  ///< "norm rmsnorm", "attention sigmoid kv"
  std::vector<SampleInput> inputs;
  std::function<Tensor(Graph&, const std::vector<Tensor>&)> build;
  bool has_gradient = true;
  bool summed = false;    ///< its gradients are those of the sum of its results, whatever they are seeded with
  std::string user = "";  ///< the user's shader it is about
};

/// Sequences of vectors: batch x tokens x (heads * head_dim).
struct SampleSize {
  std::uint32_t batch = 2, tokens = 7, heads = 4, head_dim = 6;
  std::uint32_t width() const { return heads * head_dim; }
};

/// Every op that has a gradient, every registered norm, activation, gate and attention score among them (a user's too).
std::vector<OpSample> samples_with_gradient(DType type, const SampleSize& size);
/// Every other op: statistics, edits, the optimizer, copies.
std::vector<OpSample> samples_without_gradient(DType type, const SampleSize& size);

/// A sample's graph. With `backward` its gradients too, by input; empty where an input has none.
struct SampleGraph {
  SampleGraph(const Caps& caps, const OpSample& sample, bool backward);
  Graph graph;
  std::vector<Tensor> inputs, gradients;
  Tensor result, seed;
};

}  // namespace ablate
