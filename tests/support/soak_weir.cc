#include "support/soak_weir.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "support/process_facts.h"

namespace weir::test::soak {
namespace {

// Weir keeps so many, of two ends each, for every worker; and a few are its own.
constexpr std::size_t kMostPipeEnds = std::size_t{2} * kMostWorkers * (16 + 1);

std::uint64_t id_of(const LogLine& line) { return std::stoull(line.text("id"), nullptr, 16); }

// The part of an id in which workers of one process and the next are told apart.
std::uint64_t run_of(std::uint64_t id) { return id >> 32 & 0xffffff; }

std::size_t count_of(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

}  // namespace

SoakWeir::SoakWeir(const SoakWorld& world, Journal& journal)
    : world_(world),
      journal_(journal),
      weir_(world.configuration(0)),
      entrances_{weir_->address("web"), weir_->address("greeting")} {
  // What it opens at the first use is no growth, and the sockets of the most workers stay.
  weir_->admin().metrics();
  reload(1);
  reload(0);
  expect_workers(kWorkers);
  at_rest_ = descriptors_but_pipes();
}

std::optional<LogLine> SoakWeir::word_after(int signal, const std::string& event, const std::string& part) {
  take_log();
  words_.clear();
  weir_.signal(signal);
  std::optional<LogLine> word;
  EXPECT_TRUE(eventually([&] {
    take_log();
    const auto found = std::ranges::find_if(words_, [&](const LogLine& line) {
      return line.event == event && line.text("msg").find(part) != std::string::npos;
    });
    if (found != words_.end()) word = *found;
    return word.has_value();
  })) << "no word of the "
      << event;
  if (word) journal_.write(Clock::now(), event + " " + word->level + ": " + word->text("msg"));
  return word;
}

void SoakWeir::reload(std::size_t variant) {
  weir_.write(world_.configuration(variant).to_toml());
  const LogLine word = word_after(SIGHUP, "reload", "").value_or(LogLine{});
  EXPECT_EQ(word.level, "info") << word.text("msg");
  ++reloads_;
}

void SoakWeir::reload_badly(std::size_t variant) {
  weir_.write(world_.broken(variant));
  const LogLine word = word_after(SIGHUP, "reload", "").value_or(LogLine{});
  EXPECT_EQ(word.level, "error") << word.text("msg");
  ++refused_;
}

void SoakWeir::upgrade(std::size_t variant) {
  weir_.write(world_.configuration(variant).to_toml());
  take_log();
  run_before_ = last_run_;
  books_ = {};
  const pid_t before = weir_.pid();
  const auto word = word_after(SIGUSR2, "upgrade", "this process has taken over");
  if (!word) return;
  weir_.follow(*word);
  before_.push_back(before);
  ++upgrades_;
}

void SoakWeir::upgrade_badly(std::size_t variant) {
  weir_.write(world_.broken(variant));
  may_print_ = true;
  const LogLine word = word_after(SIGUSR2, "upgrade", "this process goes on").value_or(LogLine{});
  EXPECT_EQ(word.level, "error") << word.text("msg");
  weir_.expect_failed_to_end();
  take_log();
  may_print_ = false;
  ++refused_;
}

void SoakWeir::take_log() {
  for (std::string& text : weir_->child().take_lines()) {
    const auto line = parse_log_line(text);
    if (line && line->event == "session") {
      take_session(*line, std::move(text));
    } else if (line && (line->event == "reload" || line->event == "upgrade")) {
      words_.push_back(*line);
    } else if ((!line && !may_print_) || (line && line->event == "log_lost")) {
      ADD_FAILURE() << "Weir printed: " << text;
    }
  }
}

void SoakWeir::take_session(const LogLine& line, std::string text) {
  const std::uint64_t id = id_of(line);
  EXPECT_TRUE(ids_.insert(id).second) << "two sessions have one id: " << text;
  last_run_ = std::max(last_run_, run_of(id));
  if (run_of(id) > run_before_) {
    ++books_.sessions;
    books_.upload += line.number("upload");
    books_.download += line.number("download");
  }
  sessions_.push_back(std::move(text));
}

std::vector<std::string> SoakWeir::take_sessions() {
  ids_.clear();
  return std::exchange(sessions_, {});
}

void SoakWeir::look() {
  take_log();
  std::erase_if(before_, [this](pid_t pid) {
    const auto exit = pid == weir_->pid() ? weir_->child().wait(Millis(0)) : weir_.wait(pid, Millis(0));
    if (!exit) return false;
    EXPECT_EQ(exit->status, kClean) << "a process from before: " << exit->to_string();
    journal_.write(Clock::now(), "process " + std::to_string(pid) + " has ended");
    return true;
  });
}

std::size_t SoakWeir::workers() const {
  return count_of("weir_worker_sessions_open{", admin().get("/metrics").body);
}

std::size_t SoakWeir::descriptors_but_pipes() const {
  return descriptor_count(pid()) - pipe_end_count(pid());
}

// Those that have left end when their last session has.
void SoakWeir::expect_workers(std::size_t count) const {
  EXPECT_TRUE(eventually([&] { return workers() == count; })) << workers() << " workers";
}

void SoakWeir::expect_ended() {
  EXPECT_TRUE(eventually([&] {
    look();
    return before_.empty();
  })) << before_.size()
      << " processes from before go on without a session";
  const auto retired = [&] { return count_of("\"retired\"", admin().get("/v1/processes").body); };
  EXPECT_TRUE(eventually([&] { return retired() == 0; })) << "it lists processes that have ended";
}

void SoakWeir::expect_books() const {
  const Metrics metrics = admin().metrics();
  EXPECT_EQ(metrics.sum("weir_connections_accepted_total"), books_.sessions);
  EXPECT_EQ(metrics.sum("weir_sessions_closed_total"), books_.sessions);
  EXPECT_EQ(metrics.sum("weir_upload_bytes_total"), books_.upload);
  EXPECT_EQ(metrics.sum("weir_download_bytes_total"), books_.download);
}

void SoakWeir::expect_rest(std::size_t sessions) {
  EXPECT_TRUE(eventually([&] { return admin().sum("weir_process_connections") == 0; }, kIdleTimeout * 2));
  expect_ended();
  EXPECT_TRUE(eventually([&] {
    look();
    return sessions_.size() >= sessions;
  })) << "Weir has logged "
      << sessions_.size() << " of " << sessions << " sessions";
  expect_workers(kWorkers);
  expect_books();
  // Checks come and go.
  EXPECT_TRUE(eventually([&] { return descriptors_but_pipes() <= at_rest_; }))
      << descriptors_but_pipes() << " descriptors, and " << at_rest_ << " before the first session";
  EXPECT_LE(pipe_end_count(pid()), kMostPipeEnds);
}

int SoakWeir::stop() {
  if (upgrades_ == 0) return weir_->stop();
  weir_.signal(SIGTERM);
  const auto exit = weir_.wait(pid());
  return exit && exit->status ? *exit->status : -1;
}

std::string SoakWeir::to_string() const {
  return std::to_string(reloads_) + " reloads, " + std::to_string(refused_) + " refused, " +
         std::to_string(upgrades_) + " upgrades";
}

}  // namespace weir::test::soak
