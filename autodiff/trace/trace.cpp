// Recording and replaying a trace; the four operators.
#include <autodiff/trace/trace.hpp>

#include <utility>

namespace gradus {

std::uint32_t Trace::add(Operation operation) {
  operation.first = static_cast<std::uint32_t>(values_.size());
  values_.insert(values_.end(), operation.results.begin(), operation.results.end());
  operations_.push_back(std::move(operation));
  return operations_.back().first;
}

std::vector<double> Trace::adjoints(std::span<const std::uint32_t> outputs, std::span<const double> cotangents, std::size_t from) const {
  std::vector<double> adjoint(values_.size(), 0.0);
  for (std::size_t j = 0; j < outputs.size(); ++j)
    if (outputs[j] != Operation::constant) adjoint[outputs[j]] += cotangents[j];
  for (std::size_t k = operations_.size(); k-- > from;) {
    const Operation& o = operations_[k];
    const std::span<const double> up(adjoint.data() + o.first, o.results.size());
    bool reached = false;
    for (const double u : up) reached = reached || u != 0;
    if (!reached) continue;
    std::vector<double> down;
    if (o.partials.empty()) {
      down = o.pullback(o.at, std::vector<double>(up.begin(), up.end()));
    } else {
      for (const double p : o.partials) down.push_back(p * up[0]);
    }
    for (std::size_t i = 0; i < o.operands.size(); ++i)
      if (o.operands[i] != Operation::constant) adjoint[o.operands[i]] += down[i];
  }
  return adjoint;
}

namespace detail {
Traced trace_operation(Operation operation, std::span<const Traced> operands) {
  const double value = operation.results[0];
  bool recorded = false;
  for (const Traced& x : operands) {
    operation.operands.push_back(x.id());
    recorded = recorded || !x.is_constant();
  }
  if (!recorded) return Traced(value);
  if (Trace::active() == nullptr) throw TapeError("no active trace: a traced number outlived the recording that made it");
  return Traced(value, Trace::active()->add(std::move(operation)));
}
}  // namespace detail

Traced Traced::input(double v) {
  if (Trace::active() == nullptr) throw TapeError("no active trace: make a gradus::Trace and a gradus::TraceScope of it before you make inputs");
  return Traced(v, Trace::active()->add_input(v));
}

namespace {
using View = Operation::View;
using Values = Operation::Values;
Traced binary(const char* name, const Traced::At& a, const Traced::At& b, double value, double da, double db, double (*again)(double, double), std::pair<double, double> (*partials)(double, double)) {
  Operation o;
  o.name = name;
  o.here = a.here.line != 0 ? a.here : b.here;
  o.at = {a.number.value(), b.number.value()};
  o.results = {value};
  o.partials = {da, db};
  o.value = [again](View x) { return Values{again(x[0], x[1])}; };
  o.pullback = [partials](View x, View w) {
    const auto [u, v] = partials(x[0], x[1]);
    return Values{w[0] == 0 ? 0 : w[0] * u, w[0] == 0 ? 0 : w[0] * v};
  };
  const Traced operands[2] = {a.number, b.number};
  return detail::trace_operation(std::move(o), operands);
}
}  // namespace

Traced operator+(Traced::At a, Traced::At b) {
  return binary("+", a, b, a.number.value() + b.number.value(), 1, 1, [](double x, double y) { return x + y; }, [](double, double) { return std::pair(1.0, 1.0); });
}
Traced operator-(Traced::At a, Traced::At b) {
  return binary("-", a, b, a.number.value() - b.number.value(), 1, -1, [](double x, double y) { return x - y; }, [](double, double) { return std::pair(1.0, -1.0); });
}
Traced operator*(Traced::At a, Traced::At b) {
  return binary("*", a, b, a.number.value() * b.number.value(), b.number.value(), a.number.value(), [](double x, double y) { return x * y; }, [](double x, double y) { return std::pair(y, x); });
}
Traced operator/(Traced::At a, Traced::At b) {
  const double x = a.number.value(), y = b.number.value();
  return binary("/", a, b, x / y, 1 / y, -(x / y) / y, [](double u, double v) { return u / v; }, [](double u, double v) { return std::pair(1 / v, -(u / v) / v); });
}
Traced& Traced::operator+=(const At& y) { return *this = At(*this, y.here) + y; }
Traced& Traced::operator-=(const At& y) { return *this = At(*this, y.here) - y; }
Traced& Traced::operator*=(const At& y) { return *this = At(*this, y.here) * y; }
Traced& Traced::operator/=(const At& y) { return *this = At(*this, y.here) / y; }
Traced operator-(const Traced& x) {
  Operation o;
  o.name = "-";
  o.here = Here("", 0);
  o.at = {x.value()};
  o.results = {-x.value()};
  o.partials = {-1};
  o.value = [](View at) { return Values{-at[0]}; };
  o.pullback = [](View, View w) { return Values{-w[0]}; };
  return detail::trace_operation(std::move(o), std::span(&x, 1));
}


std::vector<Traced> run(const VectorOp& op, Here here, std::span<const std::vector<Traced>> operands) {
  Operation o;
  o.name = op.name;
  o.here = here;
  std::vector<std::size_t> sizes;
  bool recorded = false;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    sizes.push_back(operands[k].size());
    const std::string name = k < op.operands.size() ? op.operands[k] : "operand " + std::to_string(k + 1);
    for (std::size_t i = 0; i < operands[k].size(); ++i) {
      o.operands.push_back(operands[k][i].id());
      o.at.push_back(operands[k][i].value());
      o.operand_names.push_back(operands[k].size() == 1 ? name : name + "[" + std::to_string(i) + "]");
      recorded = recorded || !operands[k][i].is_constant();
    }
  }
  o.value = [op, sizes](View x) { return op.value(split(x, sizes)); };
  o.pullback = [op, sizes](View x, View w) { return op.gradient(x, sizes, w); };
  o.sizes = sizes;
  o.results = o.value(o.at);
  const std::vector<double> values = o.results;
  std::vector<Traced> results;
  if (!recorded) return {values.begin(), values.end()};
  if (Trace::active() == nullptr) throw TapeError("no active trace: a traced number outlived the recording that made it");
  const std::uint32_t first = Trace::active()->add(std::move(o));
  for (std::size_t j = 0; j < values.size(); ++j) results.emplace_back(values[j], first + static_cast<std::uint32_t>(j));
  return results;
}

}  // namespace gradus
