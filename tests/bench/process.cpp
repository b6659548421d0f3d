// Starts a contestant's program and talks to it over pipes.
#include "process.hpp"

#include <cstring>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

namespace bench {

Process::Process(const std::string& path, const std::vector<std::string>& environment) : path_(path) {
  std::signal(SIGPIPE, SIG_IGN);
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
    execl(path_.c_str(), path_.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  ::close(to[0]);
  ::close(from[1]);
  to_ = to[1], from_ = from[0];
  std::istringstream lines(ask("hello"));
  std::getline(lines, library_);
  for (std::string line; std::getline(lines, line);) {
    const auto tab = line.find('\t');
    offers_.push_back({line.substr(0, tab), std::stoul(line.substr(tab + 1))});
  }
}

Process::~Process() {
  ::close(to_);
  ::close(from_);
  waitpid(pid_, nullptr, 0);
}

std::string Process::ask(const std::string& command) {
  const std::string line = command + "\n";
  if (write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) throw std::runtime_error(path_ + " died before '" + command + "'");
  std::string head;
  for (char c = 0; read(from_, &c, 1) == 1 && c != '\n';) head += c;
  const auto space = head.find(' ');
  if (space == std::string::npos) throw std::runtime_error(path_ + " died at '" + command + "'");
  std::string body(std::stoul(head.substr(space + 1)), '\0');
  for (std::size_t got = 0; got < body.size();) {
    const ssize_t n = read(from_, body.data() + got, body.size() - got);
    if (n <= 0) throw std::runtime_error(path_ + " died at '" + command + "'");
    got += static_cast<std::size_t>(n);
  }
  if (head.substr(0, space) != "ok") throw std::runtime_error(path_ + " at '" + command + "': " + body);
  return body;
}

Process::Result Process::result() {
  const std::string bytes = ask("result");
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(double));
  return {numbers.at(0), {numbers.begin() + 1, numbers.end()}};
}

std::size_t Process::bytes() { return std::stoul(ask("bytes")); }
std::size_t Process::calibrate(double seconds) { return std::stoul(ask("calibrate " + std::to_string(seconds))); }
double Process::time(std::size_t iterations) { return std::stod(ask("time " + std::to_string(iterations))); }

}  // namespace bench
