// gradus eval FILE: runs cases of the conformance format through the engine and writes values and gradients.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include <ops/prelu.hpp>
#include <ops/registry.hpp>

#include "command.hpp"

namespace gradus::cli {
namespace {

struct Array {
  std::string name;
  Shape shape;
  std::vector<double> values;
};

/// One case of the file.
struct Case {
  std::string id, op;
  Attributes attributes;
  std::vector<Array> inputs;
  std::optional<Array> upstream;
  std::vector<std::string> gradients;  // the inputs whose gradients the file lists; all of them if it lists none
};

/// Reads cases one by one; errors name file and line.
class Reader {
 public:
  Reader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {}

  std::optional<Case> next() {
    std::optional<Case> current;
    std::string line;
    while (std::getline(in_, line)) {
      ++line_number_;
      std::istringstream words(line);
      std::string key;
      if (!(words >> key) || key[0] == '#') continue;
      if (key == "case") {
        if (current) fail(fmt::format("case '{}' has no 'end' before the next case", current->id));
        current.emplace(begin(words));
        continue;
      }
      if (!current) fail(fmt::format("'{}' outside a case", key));
      if (key == "attr") {
        std::string name, value;
        if (!(words >> name) || !(std::getline(words >> std::ws, value))) fail("attr: expected a name and a value");
        current->attributes.set(name, value);
      } else if (key == "in") {
        Array input = array(words);
        if (current->inputs.size() == 16) fail(fmt::format("case '{}' has more inputs than any op takes", current->id));
        for (const Array& other : current->inputs)
          if (other.name == input.name) fail(fmt::format("case '{}' has two inputs of the name '{}'", current->id, input.name));
        current->inputs.push_back(std::move(input));
      } else if (key == "up") {
        current->upstream = array(words);
      } else if (key == "grad") {
        std::string name;
        if (!(words >> name)) fail("grad: expected the name of an input");
        if (std::find(current->gradients.begin(), current->gradients.end(), name) == current->gradients.end()) current->gradients.push_back(name);
        if (current->gradients.size() > 16) fail(fmt::format("case '{}' has more gradients than any op has inputs", current->id));
      } else if (key == "end") {
        for (const std::string& name : current->gradients)
          if (std::none_of(current->inputs.begin(), current->inputs.end(), [&](const Array& a) { return a.name == name; })) fail(fmt::format("case '{}': grad '{}' is none of its inputs", current->id, name));
        return current;
      } else if (key != "out") {
        fail(fmt::format("unknown keyword '{}': expected case, attr, in, up, out, grad or end", key));
      }
    }
    if (in_.bad()) fail(fmt::format("cannot read on: {}", std::strerror(errno)));
    if (current) fail(fmt::format("the file ends inside case '{}': it seems to be truncated", current->id));
    return std::nullopt;
  }
  [[noreturn]] void fail(const std::string& message) const { throw UsageError(fmt::format("{}:{}: {}", name_, line_number_, message)); }

 private:
  Case begin(std::istringstream& words) const {
    Case c;
    std::string op_key;
    if (!(words >> c.id >> op_key >> c.op) || op_key != "op") fail("expected 'case ID op NAME cat CATEGORY'");
    return c;
  }
  Array array(std::istringstream& words) const {
    Array a;
    std::size_t rank = 0;
    if (!(words >> a.name >> rank) || rank > Shape::max_rank) fail("expected a name and a rank of at most 4");
    std::vector<std::size_t> extents(rank);
    for (std::size_t& e : extents)
      if (!(words >> e)) fail(fmt::format("array '{}': expected {} extents", a.name, rank));
    try {
      a.shape = Shape(extents);
    } catch (const ShapeError& e) {
      fail(fmt::format("array '{}': {}", a.name, e.what()));
    }
    std::string word;
    while (words >> word) {
      char* end = nullptr;
      a.values.push_back(std::strtod(word.c_str(), &end));
      if (*end != '\0') fail(fmt::format("array '{}': '{}' is not a number", a.name, word));
    }
    if (a.values.size() != a.shape.size()) fail(fmt::format("array '{}': {} values for shape {}, which has {}", a.name, a.values.size(), a.shape.text(), a.shape.size()));
    return a;
  }

  std::istream& in_;
  std::string name_;
  std::size_t line_number_ = 0;
};

std::string hex(double x) { return std::isnan(x) ? "nan" : std::isinf(x) ? (x < 0 ? "-inf" : "inf") : fmt::format("{:a}", x); }

/// The op of a case and what it is called with.
struct Call {
  const ElementwiseEntry* elementwise = nullptr;
  const ArrayEntry* array = nullptr;
};
Call find_op(const Case& c) {
  // The format calls both forms of gelu by one name.
  const std::string name = c.op == "gelu" && c.attributes.text("approximate", "none") == "tanh" ? "gelu_tanh" : c.op;
  return {find_elementwise(name), find_array(name)};
}

/// The inputs in the order of the op's operands, if the file calls them by those names; else in the order of the file.
template <class Names> std::vector<Tensor> in_order(const Case& c, const Names& operands, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> ordered;
  for (const std::string_view name : operands)
    for (std::size_t k = 0; k < inputs.size(); ++k)
      if (c.inputs[k].name == name) ordered.push_back(inputs[k]);
  return ordered.size() == inputs.size() ? ordered : inputs;
}

Tensor run(const Case& c, const Call& call, const std::vector<Tensor>& given) {
  if (call.array != nullptr) return call.array->call(in_order(c, call.array->info->operands, given), c.attributes);
  const OpInfo& info = *call.elementwise->info;
  const std::vector<Tensor> inputs = in_order(c, info.operands, given);
  if (inputs.size() != info.operands.size()) throw ArgumentError(fmt::format("{}: {} inputs, but it takes {}", c.op, inputs.size(), info.operands.size()));
  std::vector<double> parameters = default_parameters(info);
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] = c.attributes.number(info.parameters[i].name, parameters[i]);
  call.elementwise->validate(parameters);
  if (c.op == "prelu") return prelu(inputs[0], inputs[1]);  // slopes by channel, which broadcasting alone does not know
  return call.elementwise->map(inputs, parameters);
}

struct Result {
  std::vector<double> forward;
  std::vector<std::pair<std::string, std::vector<double>>> gradients;
};

bool wanted(const Case& c, const Array& input) { return c.gradients.empty() || std::find(c.gradients.begin(), c.gradients.end(), input.name) != c.gradients.end(); }

Result evaluate_case(const Case& c, const Call& call) {
  Tape tape;
  const Recording recording(tape);
  std::vector<Tensor> inputs;
  for (const Array& a : c.inputs) {
    inputs.push_back(wanted(c, a) ? Tensor::input(a.shape, a.values) : Tensor(a.shape, a.values));
  }
  const Tensor y = run(c, call, inputs);
  Result r;
  r.forward.assign(y.values().begin(), y.values().end());
  if (!c.upstream) return r;
  if (c.upstream->values.size() != y.size()) throw ShapeError(fmt::format("the upstream gradient has shape {}, the output {}", c.upstream->shape.text(), y.shape().text()));
  Adjoints adjoints;
  if (!y.is_constant()) tape.sweep({Seed<double>(y, c.upstream->values)}, adjoints);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    std::vector<double> gradient;
    if (!inputs[k].is_constant()) gradient.assign(adjoints[inputs[k]].begin(), adjoints[inputs[k]].end());
    else if (!wanted(c, c.inputs[k]) || inputs[k].size() != 0) continue;  // an empty array has a gradient, too
    r.gradients.emplace_back(c.inputs[k].name, std::move(gradient));
  }
  return r;
}

std::string as_json(const Case& c, const Result& r) {
  const auto list = [](const std::vector<double>& values) {
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "\"" : ",\"") + hex(values[i]) + "\"";
    return text + "]";
  };
  std::string quoted;
  for (const char ch : c.id) quoted += ch == '"' || ch == '\\' ? std::string{'\\', ch} : std::string(1, ch);
  std::string text = fmt::format("{{\"id\":\"{}\",\"forward\":{},\"grads\":{{", quoted, list(r.forward));
  for (std::size_t k = 0; k < r.gradients.size(); ++k) text += fmt::format("{}\"{}\":{}", k == 0 ? "" : ",", r.gradients[k].first, list(r.gradients[k].second));
  return text + "}}\n";
}
std::string as_text(const Case& c, const Result& r) {
  const auto list = [](const std::vector<double>& values) {
    std::string text;
    for (const double v : values) text += " " + hex(v);
    return text + "\n";
  };
  std::string text = "case " + c.id + "\nout y" + list(r.forward);
  for (const auto& [name, values] : r.gradients) text += "grad " + name + list(values);
  return text + "end\n";
}

}  // namespace

int eval_command(const std::string& file, const std::string& form) {
  std::ifstream opened;
  if (file != "-") {
    errno = 0;
    opened.open(file);
    // A directory opens but cannot be read.
    if (!opened || (opened.peek() == std::ifstream::traits_type::eof() && opened.bad())) throw UsageError(fmt::format("cannot read '{}': {}", file, std::strerror(errno == 0 ? EIO : errno)));
    opened.clear();
  }
  Reader reader(file == "-" ? std::cin : opened, file == "-" ? "standard input" : file);
  std::size_t done = 0, left_out = 0, failed = 0;
  while (const std::optional<Case> c = reader.next()) {
    const Call call = find_op(*c);
    if (call.elementwise == nullptr && call.array == nullptr) {
      ++left_out;
      fmt::print(stderr, "gradus eval: {}: unknown op '{}', left out\n", c->id, c->op);
      continue;
    }
    try {
      const Result r = evaluate_case(*c, call);
      print(form == "text" ? as_text(*c, r) : as_json(*c, r));
      ++done;
    } catch (const Error& e) {
      ++failed;
      fmt::print(stderr, "gradus eval: {}: {}\n", c->id, e.what());
    }
    progress(fmt::format("{} cases", done));
  }
  progress("");
  if (done + left_out + failed == 0) throw UsageError(fmt::format("'{}' holds no case", file));
  fmt::print(stderr, "gradus eval: evaluated {}, left out {} with an unknown op, rejected {}\n", done, left_out, failed);
  return failed == 0 ? agree : usage;
}

}  // namespace gradus::cli
