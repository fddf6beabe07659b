// Reverse-mode differentiation of scalars in double: a reference written once for any scalar type is both value and gradient.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace ablate::test {

class Var {
 public:
  Var(double value = 0) : value_(value), node_(none) {}
  static Var leaf(double value) { return Var(value, push({})); }

  double value() const { return value_; }
  std::size_t node() const { return node_; }

  friend Var operator+(const Var& a, const Var& b) { return make(a.value_ + b.value_, a, 1, b, 1); }
  friend Var operator-(const Var& a, const Var& b) { return make(a.value_ - b.value_, a, 1, b, -1); }
  friend Var operator*(const Var& a, const Var& b) { return make(a.value_ * b.value_, a, b.value_, b, a.value_); }
  friend Var operator/(const Var& a, const Var& b) {
    return make(a.value_ / b.value_, a, 1 / b.value_, b, -a.value_ / (b.value_ * b.value_));
  }
  friend Var operator-(const Var& a) { return make(-a.value_, a, -1); }
  Var& operator+=(const Var& b) { return *this = *this + b; }
  Var& operator-=(const Var& b) { return *this = *this - b; }
  Var& operator*=(const Var& b) { return *this = *this * b; }
  Var& operator/=(const Var& b) { return *this = *this / b; }
  friend bool operator<(const Var& a, const Var& b) { return a.value_ < b.value_; }
  friend bool operator>(const Var& a, const Var& b) { return a.value_ > b.value_; }

  friend Var exp(const Var& a) { return make(std::exp(a.value_), a, std::exp(a.value_)); }
  friend Var log(const Var& a) { return make(std::log(a.value_), a, 1 / a.value_); }
  friend Var sqrt(const Var& a) { return make(std::sqrt(a.value_), a, 0.5 / std::sqrt(a.value_)); }
  friend Var tanh(const Var& a) { return make(std::tanh(a.value_), a, 1 - std::tanh(a.value_) * std::tanh(a.value_)); }
  friend Var erf(const Var& a) { return make(std::erf(a.value_), a, 2 / std::sqrt(M_PI) * std::exp(-a.value_ * a.value_)); }
  friend Var sin(const Var& a) { return make(std::sin(a.value_), a, std::cos(a.value_)); }
  friend Var cos(const Var& a) { return make(std::cos(a.value_), a, -std::sin(a.value_)); }
  friend Var abs(const Var& a) { return make(std::abs(a.value_), a, a.value_ < 0 ? -1 : 1); }
  friend Var max(const Var& a, const Var& b) { return a.value_ < b.value_ ? b : a; }

  /// Gradients of `y` with respect to every node of the tape, by node.
  static std::vector<double> gradients(const Var& y) {
    std::vector<double> g(tape().size(), 0.0);
    if (y.node_ == none) return g;
    g[y.node_] = 1;
    for (std::size_t i = y.node_ + 1; i-- > 0;) {
      const Node& node = tape()[i];
      if (node.a != none) g[node.a] += g[i] * node.da;
      if (node.b != none) g[node.b] += g[i] * node.db;
    }
    return g;
  }
  static void clear() { tape().clear(); }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  struct Node {
    std::size_t a = none, b = none;
    double da = 0, db = 0;
  };
  Var(double value, std::size_t node) : value_(value), node_(node) {}
  static std::vector<Node>& tape() {
    static thread_local std::vector<Node> nodes;
    return nodes;
  }
  static std::size_t push(Node node) {
    tape().push_back(node);
    return tape().size() - 1;
  }
  static Var make(double value, const Var& a, double da, const Var& b = Var(), double db = 0) {
    if (a.node_ == none && b.node_ == none) return Var(value);
    return Var(value, push({a.node_, b.node_, da, db}));
  }

  double value_;
  std::size_t node_;
};

inline double value_of(double x) { return x; }
inline double value_of(const Var& x) { return x.value(); }

}  // namespace ablate::test
