// The catalogue: all families together.
#include <ops/verify/mutants.hpp>

#include <ops/verify/mutants/family.hpp>

namespace gradus {
namespace {

using mutation::Family;

const std::vector<Family>& families() {
  static const std::vector<Family> all = [] {
    std::vector<Family> made;
    mutation::add_sigmoid_and_tanh(made);
    mutation::add_rectifiers(made);
    mutation::add_softmax(made);
    mutation::add_cross_entropy(made);
    mutation::add_arithmetic(made);
    mutation::add_structural(made);
    return made;
  }();
  return all;
}

}  // namespace

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> all = [] {
    std::vector<Mutant> made;
    for (const Family& f : families())
      for (const auto& [name, subject] : f.wrong) made.push_back({f.name, name, f.inputs, f.results, subject, f.points});
    return made;
  }();
  return all;
}

const std::vector<TrickyCase>& right_rules() {
  static const std::vector<TrickyCase> all = [] {
    std::vector<TrickyCase> made;
    for (const Family& f : families())
      made.push_back({f.name, f.inputs, f.right, f.points, [n = f.inputs, domain = f.right.domain](Random& random) { return mutation::hard_numbers(n, domain, random); }});
    return made;
  }();
  return all;
}

const std::vector<TrickyCase>& tricky_cases() {
  static const std::vector<TrickyCase> all = mutation::make_tricky_cases();
  return all;
}

}  // namespace gradus
