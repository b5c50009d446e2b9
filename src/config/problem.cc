#include "config/problem.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/limits.h"

namespace weir::config {
namespace {

void add(Problems& problems, Problem problem) {
  if (problems.size() < kMaxProblems) {
    problems.push_back(std::move(problem));
  } else if (!has_error(problems) || problems.size() == kMaxProblems) {
    // An error whatever was left out, so that dropped errors cannot pass for a clean file.
    const std::string text = fmt::format("more than {} problems: the rest is left out", kMaxProblems);
    problems.push_back({Severity::kError, {problem.place.file, 0, 0}, text});
  }
}

}  // namespace

void add_error(Problems& problems, Place place, std::string text) {
  add(problems, {Severity::kError, std::move(place), std::move(text)});
}

void add_warning(Problems& problems, Place place, std::string text) {
  add(problems, {Severity::kWarning, std::move(place), std::move(text)});
}

bool has_error(const Problems& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return problem.severity == Severity::kError; });
}

std::string errors_as_text(const Problems& problems, std::string_view between) {
  std::string text;
  for (const Problem& problem : problems) {
    if (problem.severity != Severity::kError) continue;
    if (!text.empty()) text += between;
    text += to_string(problem);
  }
  return text;
}

std::string first_error(const Problems& problems) {
  const auto found = std::find_if(problems.begin(), problems.end(), [](const Problem& problem) {
    return problem.severity == Severity::kError;
  });
  return found == problems.end() ? std::string() : to_string(*found);
}

std::string to_string(const Place& place) {
  if (place.line == 0) return place.file;
  if (place.column == 0) return fmt::format("{}:{}", place.file, place.line);
  return fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

std::string to_string(const Problem& problem) {
  const std::string_view severity = problem.severity == Severity::kError ? "error" : "warning";
  const std::string place = to_string(problem.place);
  return fmt::format("{}{}{}: {}", place, place.empty() ? "" : ": ", severity, problem.text);
}

}  // namespace weir::config
