// Binds the registry to the expression language.
#include <ops/functions.hpp>

#include <stdexcept>
#include <utility>

#include <autodiff/error.hpp>
#include <ops/array_ops.hpp>
#include <ops/registry.hpp>

namespace gradus {
namespace {

using namespace gradus::expression;

double call_entry(const ElementwiseEntry& e, std::span<const double> x, std::span<const double> p) { return e.value(x, p); }
Var call_entry(const ElementwiseEntry& e, std::span<const Var> x, std::span<const double> p) { return e.record(x, p); }

template <class T> Function<T> elementwise_function(const ElementwiseEntry& entry) {
  const std::size_t operands = entry.info->operands.size(), parameters = entry.info->parameters.size();
  return {operands, operands + parameters, [&entry, operands](std::span<const Value<T>> arguments) {
            std::vector<T> x;
            std::vector<double> p = default_parameters(*entry.info);
            for (std::size_t i = 0; i < arguments.size(); ++i) {
              if (i < operands) {
                x.push_back(arguments[i].scalar());
                continue;
              }
              const std::size_t k = i - operands;
              if constexpr (std::is_same_v<T, Var>)
                if (!arguments[i].scalar().is_constant())
                  throw std::invalid_argument("parameter " + std::string(entry.info->parameters[k].name) + " is not differentiated: give it as a number");
              p[k] = plain(arguments[i].scalar());
            }
            try {
              entry.validate(p);
            } catch (const ArgumentError& e) {
              throw std::invalid_argument(e.what());
            }
            return Value<T>(call_entry(entry, x, p));
          }};
}

Tensor to_tensor(const Value<double>& v) { return Tensor({v.elements().size()}, v.elements()); }
Tensor to_tensor(const Value<Var>& v) { return Tensor::stack(v.elements()); }
template <class T> T element(const Tensor& t, std::size_t i) {
  if constexpr (std::is_same_v<T, double>) return t.values()[i];
  else return t[i];
}

template <class T> Value<T> to_value(const Tensor& y) {
  if (y.rank() == 0) return Value<T>(element<T>(y, 0));
  std::vector<T> elements;
  for (std::size_t i = 0; i < y.size(); ++i) elements.push_back(element<T>(y, i));
  return Value<T>(std::move(elements));
}

/// A function of vectors through an array op: the result is a number, or a vector if the tensor has rank 1.
template <class T, class F> Function<T> vector_function(std::size_t arguments, F f) {
  return {arguments, arguments, [f, arguments](std::span<const Value<T>> x) {
            std::vector<Tensor> operands;
            for (const auto& v : x) {
              if (v.elements().empty()) throw std::invalid_argument("the vector is empty");
              if (v.elements().size() != x[0].elements().size())
                throw std::invalid_argument("vectors of one length are needed, not " + std::to_string(x[0].elements().size()) + " and " + std::to_string(v.elements().size()));
              operands.push_back(to_tensor(v));
            }
            const Tensor y = [&] {
              try {
                return arguments == 1 ? f(operands[0], operands[0]) : f(operands[0], operands[1]);
              } catch (const ShapeError& e) {
                throw std::invalid_argument(e.what());
              }
            }();
            return to_value<T>(y);
          }, false};
}

/// A function of three operands, each a number or a vector, through an array op; the result as above.
template <class T, class F> Function<T> broadcast_function(F f) {
  return {3, 3, [f](std::span<const Value<T>> x) {
            std::vector<Tensor> operands;
            for (const auto& v : x) {
              if (v.is_vector() && v.elements().empty()) throw std::invalid_argument("the vector is empty");
              operands.push_back(v.is_vector() ? to_tensor(v) : Tensor(v.scalar()));
            }
            try {
              return to_value<T>(f(operands[0], operands[1], operands[2]));
            } catch (const ShapeError& e) {
              throw std::invalid_argument(e.what());
            }
          }, false};
}

template <class T> Functions<T> make_functions() {
  Functions<T> table;
  for (const ElementwiseEntry& entry : elementwise_ops()) table.emplace(entry.info->name, elementwise_function<T>(entry));
  const auto add = [&table](const char* name, std::size_t arguments, auto f) { table.emplace(name, vector_function<T>(arguments, f)); };
  add("sum", 1, [](const Tensor& x, const Tensor&) { return sum(x); });
  add("mean", 1, [](const Tensor& x, const Tensor&) { return mean(x); });
  add("dot", 2, [](const Tensor& a, const Tensor& b) { return dot(a, b); });
  add("softmax", 1, [](const Tensor& x, const Tensor&) { return softmax(x); });
  add("log_softmax", 1, [](const Tensor& x, const Tensor&) { return log_softmax(x); });
  add("log_sum_exp", 1, [](const Tensor& x, const Tensor&) { return log_sum_exp(x); });
  add("maxout", 1, [](const Tensor& x, const Tensor&) { return maxout_reduce(x); });
  add("cross_entropy", 2, [](const Tensor& y, const Tensor& s) { return cross_entropy(s, y); });
  add("softmax_cross_entropy", 2, [](const Tensor& z, const Tensor& y) { return softmax_cross_entropy(z, y); });
  add("mean_squared_error", 2, [](const Tensor& p, const Tensor& t) { return mean_squared_error(p, t); });
  const auto add_broadcast = [&table](const char* name, auto f) { table.emplace(name, broadcast_function<T>(f)); };
  add_broadcast("normal_log_density", [](const Tensor& x, const Tensor& mu, const Tensor& sigma) { return normal_log_density(x, mu, sigma); });
  add_broadcast("linear_recurrence", [](const Tensor& phi, const Tensor& u, const Tensor& h0) { return linear_recurrence(phi, u, h0); });
  return table;
}

}  // namespace

template <> const Functions<double>& functions<double>() {
  static const Functions<double> table = make_functions<double>();
  return table;
}
template <> const Functions<Var>& functions<Var>() {
  static const Functions<Var> table = make_functions<Var>();
  return table;
}

}  // namespace gradus
