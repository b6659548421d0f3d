// iris: trains a 4-8-3 network on Fisher's irises, once the gradient of its loss is verified. Exit 1 if a claim it makes does not hold.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <autodiff/autodiff.hpp>
#include <autodiff/verify/check.hpp>
#include <ops/arithmetic.hpp>
#include <ops/array_ops.hpp>
#include <ops/tanh.hpp>

#include "data.hpp"

namespace {

using gradus::Tensor;

struct Settings {
  std::string file = GRADUS_IRIS_CSV;
  int seeds = 5;
  int epochs = 400;
  double rate = 0.5;
};

// ---- The network, its loss and its training: all that Gradus is needed for.

constexpr std::size_t hidden = 8;
constexpr std::size_t parameter_count = iris::feature_count * hidden + hidden + hidden * iris::species_count + iris::species_count;

struct Network {
  Tensor w1, b1, w2, b2;

  /// The parameters from p, in this order; make is Tensor::input, or Tensor::constant where no gradient is wanted.
  Network(Tensor (*make)(const gradus::Shape&, std::span<const double>), std::span<const double> p) {
    const auto take = [&](const gradus::Shape& shape) {
      const auto values = p.first(shape.size());
      p = p.subspan(shape.size());
      return make(shape, values);
    };
    w1 = take({iris::feature_count, hidden});
    b1 = take({hidden});
    w2 = take({hidden, iris::species_count});
    b2 = take({iris::species_count});
  }
  [[nodiscard]] std::array<Tensor*, 4> parameters() { return {&w1, &b1, &w2, &b2}; }
  /// One row of three logits a flower.
  [[nodiscard]] Tensor operator()(const Tensor& features) const { return matmul(tanh(matmul(features, w1) + b1), w2) + b2; }
};

/// Flowers as the network takes them.
struct Batch {
  explicit Batch(const iris::Flowers& f) : features({f.rows(), iris::feature_count}, f.features), species(f.species) {}
  Tensor features;
  std::vector<int> species;
};

Tensor loss_of(const Network& network, const Batch& batch) { return mean(softmax_cross_entropy(network(batch.features), batch.species)); }

/// Glorot and Bengio's uniform weights (AISTATS 2010), biases 0.
std::vector<double> initial_parameters(iris::Generator& random) {
  std::vector<double> p;
  const auto layer = [&](std::size_t in, std::size_t out) {
    const double limit = std::sqrt(6.0 / static_cast<double>(in + out));
    for (std::size_t i = 0; i < in * out; ++i) p.push_back(random.uniform(-limit, limit));
    p.insert(p.end(), out, 0.0);
  };
  layer(iris::feature_count, hidden);
  layer(hidden, iris::species_count);
  return p;
}

/// The gradient that training uses, judged by finite differences of the loss in plain numbers, where no tape is involved.
gradus::CheckResult check_loss(const std::vector<double>& initial, const Batch& batch) {
  const auto loss = [&](const std::vector<double>& p) { return loss_of(Network(Tensor::constant, p), batch).value(); };
  const auto gradient = [&](const std::vector<double>& p) {
    gradus::Tape tape;
    const gradus::Recording recording(tape);
    Network network(Tensor::input, p);
    gradus::Adjoints adjoints;
    tape.sweep(loss_of(network, batch), adjoints);
    std::vector<double> all;
    for (const Tensor* t : network.parameters()) all.insert(all.end(), adjoints[*t].begin(), adjoints[*t].end());
    return all;
  };
  return gradus::check(loss, gradient, initial);
}

void sgd_step(std::span<double> values, std::span<const double> gradient, double rate) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= rate * gradient[i];
}

double accuracy(const Network& network, const Batch& batch) {
  const Tensor logits = network(batch.features);
  std::size_t right = 0;
  for (std::size_t i = 0; i < batch.species.size(); ++i) {
    const auto row = logits.values().subspan(i * iris::species_count, iris::species_count);
    right += std::max_element(row.begin(), row.end()) - row.begin() == batch.species[i];
  }
  return static_cast<double>(right) / static_cast<double>(batch.species.size());
}

struct Outcome {
  double first_loss = 0, last_loss = 0, train_accuracy = 0, test_accuracy = 0, seconds = 0;
};

/// Gradient descent over all training flowers at once. after_step(epoch, loss) is for showing progress.
template <class AfterStep>
Outcome train(const std::vector<double>& initial, const Batch& train, const Batch& test, const Settings& settings, AfterStep&& after_step) {
  gradus::Tape tape;
  const gradus::Recording recording(tape);
  Network network(Tensor::input, initial);
  Outcome outcome;

  const auto began = std::chrono::steady_clock::now();
  const auto start = tape.mark();
  gradus::Adjoints adjoints;
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    const Tensor loss = loss_of(network, train);
    tape.sweep(loss, adjoints);
    if (epoch == 1) outcome.first_loss = loss.value();
    after_step(epoch, loss.value());
    for (Tensor* t : network.parameters()) sgd_step(t->values(), adjoints[*t], settings.rate);
    tape.rewind(start);
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

  outcome.last_loss = loss_of(network, train).value();
  outcome.train_accuracy = accuracy(network, train);
  outcome.test_accuracy = accuracy(network, test);
  return outcome;
}

// ---- The program around it.

/// Diagnostics; a stderr that is closed must not stop the program.
void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

/// On a terminal a line that is updated, otherwise a line four times a seed; on stderr.
class Progress {
 public:
  explicit Progress(const Settings& settings) : settings_(settings), every_(std::max(1, settings.epochs / (terminal_ ? 50 : 4))) {}
  ~Progress() {
    if (terminal_) say("\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(int seed, int epoch, double loss) const {
    if (epoch % every_ != 0) return;
    const std::string line = fmt::format("seed {}/{}  epoch {}/{}  loss {:.4f}", seed, settings_.seeds, epoch, settings_.epochs, loss);
    say(terminal_ ? "\r\033[K" + line : line + "\n");
  }

 private:
  static bool is_terminal() {
    const char* term = std::getenv("TERM");
    return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
  }
  const Settings& settings_;
  bool terminal_ = is_terminal();
  int every_;
};

/// Prints the verdict on the gradient; true when every one of its entries was judged, and right.
bool is_verified(const gradus::CheckResult& check) {
  std::size_t agreed = 0;
  for (const gradus::OracleCount& o : check.oracles)
    if (o.oracle == "difference") agreed = o.agreed;
  fmt::print("gradient of the loss: {}, {} of {} entries agree with finite differences; detection limit {:.0e} (relative error, median entry)\n\n",
             gradus::name_of(check.verdict), agreed, parameter_count, check.detection_limit);
  std::fflush(stdout);
  if (check && agreed == parameter_count) return true;
  say(fmt::format("iris: no training, as the gradient is not verified\n{}\n", gradus::describe(check)));
  return false;
}

/// Prints whether a claim holds.
bool claim(std::string_view words, bool holds) {
  fmt::print("{:<7}{}\n", holds ? "holds" : "FAILS", words);
  return holds;
}

/// Prints the outcomes by seed, their summary and the claims; true when all claims hold.
bool report(const std::vector<Outcome>& outcomes) {
  const auto n = static_cast<double>(outcomes.size());
  double least_fall = INFINITY, mean = 0, squares = 0;
  fmt::print("seed  first loss  final loss  training accuracy  test accuracy\n");
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& o = outcomes[i];
    fmt::print("{:>4}  {:>10.4f}  {:>10.4f}  {:>17.3f}  {:>13.3f}\n", i + 1, o.first_loss, o.last_loss, o.train_accuracy, o.test_accuracy);
    const double fall = o.first_loss / o.last_loss;
    least_fall = fall < least_fall || std::isnan(fall) ? fall : least_fall;
    mean += o.test_accuracy / n;
  }
  for (const Outcome& o : outcomes) squares += std::pow(o.test_accuracy - mean, 2);
  if (outcomes.size() == 1) fmt::print("\ntest accuracy: {:.3f} (one seed)\n\n", mean);
  else fmt::print("\ntest accuracy: {:.3f} ± {:.3f} (mean and standard deviation over {} seeds)\n\n", mean, std::sqrt(squares / (n - 1)), outcomes.size());

  // How much room the claims leave: among the seeds 1 … 300 the smallest fall is 11-fold, and the lowest mean over five in a row is 0.93.
  const bool learned = claim(fmt::format("the loss falls at least tenfold for every seed (least: {:.0f}-fold)", least_fall), least_fall >= 10);
  const bool generalises = claim("the mean test accuracy is at least 0.9", mean >= 0.9);
  return learned && generalises;
}

int run(const Settings& settings) {
  const iris::Flowers flowers = iris::read_flowers(settings.file);
  std::vector<Outcome> outcomes;
  double seconds = 0;
  {
    const Progress progress(settings);
    for (int seed = 1; seed <= settings.seeds; ++seed) {
      iris::Generator random(static_cast<std::uint64_t>(seed));
      const iris::Split rows = iris::split(flowers, random);
      const Batch training(rows.train), test(rows.test);
      const std::vector<double> initial = initial_parameters(random);
      if (seed == 1 && !is_verified(check_loss(initial, training))) return 1;
      outcomes.push_back(train(initial, training, test, settings, [&](int epoch, double loss) { progress.show(seed, epoch, loss); }));
      seconds += outcomes.back().seconds;
    }
  }
  const int steps = settings.seeds * settings.epochs;
  say(fmt::format("iris: {} steps in {:.2f} s, {:.0f} steps a second\n", steps, seconds, steps / seconds));
  return report(outcomes) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Trains a network of 4 inputs, 8 tanh units and 3 outputs on Fisher's irises by gradient descent,\nonce the gradient of its loss is verified.\n",
               "iris"};
  app.add_option("FILE", settings.file, "the flowers, as CSV (default " GRADUS_IRIS_CSV ")");
  app.add_option("--seeds", settings.seeds, "networks to train, each with a split and weights of its own (default 5)")
      ->check(CLI::Range(1, 1000))
      ->option_text("N");
  app.add_option("--epochs", settings.epochs, "steps of each training (default 400)")->check(CLI::Range(1, 1000000))->option_text("N");
  app.add_option("--rate", settings.rate, "learning rate (default 0.5)")->option_text("R");
  app.footer(
      "Exit codes:\n  0  the gradient is right and the claims hold\n  1  the gradient is not verified, or a claim fails\n  2  wrong usage, a file that cannot "
      "be used, output that cannot be written");
  try {
    app.parse(argc, argv);
    if (!(settings.rate > 0 && std::isfinite(settings.rate))) throw CLI::ValidationError("--rate", "must be a positive number");
    const int code = run(settings);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw std::runtime_error("cannot write the output");
    return code;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    say(fmt::format("iris: {}\nTry `iris --help`.\n", e.what()));
  } catch (const std::exception& e) {
    say(fmt::format("iris: {}\n", e.what()));
  }
  return 2;
}
