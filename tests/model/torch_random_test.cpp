#include "model/torch_random.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using Law = Initializer::Law;

// torch.manual_seed(42); nn.Embedding(3, 7); nn.Linear(5, 4, bias=False); torch.empty(20).normal_(0, 0.02); torch.empty(48).normal_()
// printed by PyTorch 1.13. Its vector code takes logarithms and cosines of its own: a few units of the sixth digit.
TEST_CASE("PyTorch's random numbers") {
  TorchRandom random(42);
  std::vector<float> embedding(21), linear(20), small(20), next(48);
  random.fill(embedding, {Law::normal, 1.0});
  random.fill(linear, {Law::uniform, 1.0 / std::sqrt(5.0)});
  random.fill(small, {Law::normal, 0.02});
  random.fill(next, {Law::normal, 1.0});
  const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-5); };
  CHECK(embedding[0] == near(1.9269152879714966));
  CHECK(embedding[4] == near(0.6784184575080872));
  CHECK(embedding[5] == near(1.078317642211914));  // from here on drawn again with the group that is not whole
  CHECK(embedding[20] == near(-0.5920005440711975));
  CHECK(linear[0] == near(0.3613322079181671));
  CHECK(linear[3] == near(0.12015899270772934));
  CHECK(small[2] == near(0.003211298491805792));
  CHECK(small[19] == near(-0.03444590047001839));
  CHECK(next[0] == near(-1.3543429374694824));
  CHECK(next[47] == near(-0.3753443658351898));
}

// torch.manual_seed(42); torch.empty(5).normal_(0, 0.5); torch.empty(16).normal_(); torch.empty(3).normal_()
TEST_CASE("PyTorch's random numbers: tensors of fewer than 16 elements") {
  TorchRandom random(42);
  std::vector<float> five(5), sixteen(16), three(3);
  random.fill(five, {Law::normal, 0.5});
  random.fill(sixteen, {Law::normal, 1.0});
  random.fill(three, {Law::normal, 1.0});
  const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-5); };
  CHECK(five[0] == near(0.16834518313407898));
  CHECK(five[1] == near(0.06440470367670059));
  CHECK(five[4] == near(-0.5614281892776489));
  CHECK(sixteen[0] == near(-0.24825750291347504));
  CHECK(three[0] == near(-0.18632829189300537));  // what the five left over
  CHECK(three[2] == near(0.9579718112945557));
}
