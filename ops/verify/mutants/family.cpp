// The witnesses of the families: Jacobians in 400 digits.
#include <ops/verify/mutants/family.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>

#include <ops/verify/high_precision.hpp>
#include <ops/verify/opinions.hpp>

namespace gradus::mutation {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A Jacobian costs milliseconds, and is asked for at the same point for every cotangent and every mutant of a family.
class Shelf {
 public:
  using Make = std::function<BigJacobian(View x)>;
  explicit Shelf(Make make) : make_(std::move(make)) {}
  std::shared_ptr<const BigJacobian> at(View x) {
    if (std::any_of(x.begin(), x.end(), [](double v) { return std::isnan(v); })) return std::make_shared<BigJacobian>(make_(x));  // is no key
    const Values key(x.begin(), x.end());
    {
      const std::scoped_lock lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) return found->second;
    }
    auto made = std::make_shared<const BigJacobian>(make_(x));
    const std::scoped_lock lock(mutex_);
    if (known_.size() >= 1000) known_.clear();
    known_.emplace(key, made);
    return made;
  }

 private:
  Make make_;
  std::mutex mutex_;
  std::map<Values, std::shared_ptr<const BigJacobian>> known_;
};

Subject::Expected times(View w, const BigJacobian& jacobian) {
  Subject::Expected e;
  for (std::size_t i = 0; i < jacobian.inputs(); ++i) {
    BigFloat sum = 0, scale = 0;
    double bound = 0;
    for (std::size_t j = 0; j < jacobian.results(); ++j) {
      if (w[j] == 0) continue;
      const BigJacobian::Entry& entry = jacobian.entry(j, i);
      sum += entry.value * w[j];
      scale += entry.scale * std::fabs(w[j]);
      bound += entry.bound * std::fabs(w[j]);
    }
    const double expected = nearest_double(sum);
    const bool known = isfinite(sum) && std::isfinite(expected) && bound < infinity;
    e.gradient.push_back(known ? expected : 0);
    e.scale.push_back(known ? nearest_double(scale) : 0);
    e.bound.push_back(known ? bound + std::max(std::fabs(expected) * 0x1p-53, 0x1p-1074) : infinity);
  }
  return e;
}

Subject::Witness witness(const char* name, Shelf::Make make) {
  return {name, [shelf = std::make_shared<Shelf>(std::move(make))](View x, View w) { return times(w, *shelf->at(x)); }};
}

}  // namespace

Subject::Witness closed_form_witness(std::size_t results, Textbook textbook) {
  return witness("closed form", [results, textbook = std::move(textbook)](View x) {
    BigJacobian jacobian(results, x.size());
    textbook(BigVector(x.begin(), x.end()), jacobian);
    return jacobian;
  });
}

Subject::Witness high_precision_witness(std::size_t results, BigForward forward, Textbook textbook, bool elementwise) {
  return witness("high precision", [results, forward = std::move(forward), textbook = std::move(textbook), elementwise](View x) {
    BigJacobian jacobian(results, x.size()), book(results, x.size());
    const BigVector whole(x.begin(), x.end());
    if (textbook) textbook(whole, book);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const BigVector at = elementwise ? BigVector{whole[i]} : whole;
      // All results at once: they differ from step to step only.
      std::vector<std::pair<BigFloat, BigVector>> seen;
      for (std::size_t j = elementwise ? i : 0; j < (elementwise ? i + 1 : results); ++j) {
        const auto change = [&](const BigFloat& h) {
          for (const auto& [step, y] : seen)
            if (step == h) return y[elementwise ? 0 : j];
          BigVector moved = at;
          moved[elementwise ? 0 : i] += h;
          seen.emplace_back(h, forward(moved));
          return seen.back().second[elementwise ? 0 : j];
        };
        const BigDifference d = big_difference(change, x[i]);
        BigJacobian::Entry& entry = jacobian.entry(j, i);
        entry.value = d.value;
        entry.scale = textbook ? book.entry(j, i).scale : BigFloat(abs(d.value));
        entry.bound = d.status == BigDifference::Status::smooth && isfinite(entry.scale) ? d.bound : infinity;
      }
    }
    return jacobian;
  });
}

Values hard_numbers(std::size_t n, const std::vector<Domain>& domain, Random& random) {
  Values v(n);
  const std::size_t regime = random.below(6);
  for (std::size_t i = 0; i < n; ++i) {
    double& x = v[i];
    switch (regime) {
      case 0: x = random.normal(); break;
      case 1: x = random.uniform(-60, 60); break;
      case 2: x = random.sign() * (random.below(2) == 0 ? 0.0 : std::pow(10.0, random.uniform(-323, -290))); break;
      case 3: x = std::floor(random.uniform(-2, 3)); break;
      case 4: x = random.sign() * std::pow(10.0, random.uniform(-12, 12)); break;
      default: x = random.sign() * std::pow(10.0, random.uniform(-2, 3)); break;
    }
    if (i < domain.size() && !domain[i].contains(x)) {
      x = std::fabs(x);
      if (!domain[i].contains(x)) x = 1;
    }
  }
  return v;
}

}  // namespace gradus::mutation
