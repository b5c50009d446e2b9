#include "server/log_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "net/thread.h"

namespace weir::server {
namespace {

constexpr std::size_t kRingCapacity = 4096;
constexpr std::size_t kMostEvents = 4096;
// A wake-up is followed by a short rest, so that a busy worker pays for one wake-up in many records.
constexpr int kRestMs = 10;
constexpr int kLastChanceMs = 1000;
// A pipe that is ready takes this much without blocking, and in one piece (PIPE_BUF, pipe(7)).
constexpr std::size_t kPipeChunk = 4096;
constexpr std::size_t kFileChunk = std::size_t{256} * 1024;

bool is_same_file(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

base::Result<base::UniqueFd> open_file(const std::string& path) {
  // Without O_NONBLOCK the opening of a pipe that nobody reads would wait for its reader, fifo(7).
  base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640));
  if (!file && errno == ENXIO) {
    return base::failure(
        {base::ErrorSide::kConfiguration,
         "open the log " + path + ": it is a pipe that nobody reads, or a socket; start its reader first"});
  }
  if (!file) return base::failure(base::system_error("open the log " + path, errno));
  if (::fcntl(file.get(), F_SETFL, O_WRONLY | O_APPEND) != 0) {
    return base::failure(base::system_error("open the log " + path, errno));
  }
  return file;
}

// How much of it is written at once: whole lines, since after an upgrade another process writes to the same
// output. A line that is longer than `most` is cut.
std::size_t piece_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  const std::size_t end = text.rfind('\n', most - 1);
  return end == std::string_view::npos ? most : end + 1;
}

}  // namespace

class LogWriter::WorkerSink final : public session::RecordSink {
 public:
  explicit WorkerSink(LogWriter& writer) : ring(kRingCapacity), writer_(writer) {}

  bool write(session::SessionRecord&& record) override {
    if (!ring.push(std::move(record))) {
      writer_.count_lost(1);
      return false;
    }
    writer_.wake();
    return true;
  }

  session::SessionLogRing ring;
  std::atomic<bool> is_done{false};  // its worker has gone

 private:
  LogWriter& writer_;
};

base::Result<LogWriter::Output> LogWriter::Output::open(const std::string& output) {
  Output made;
  made.fd_ = output == "stdout" ? STDOUT_FILENO : STDERR_FILENO;
  if (!output.starts_with('/')) return made;
  auto opened = open_file(output);
  if (!opened) return base::failure(std::move(opened.error()));
  made.path_ = output;
  made.file_ = std::move(*opened);
  made.fd_ = made.file_.get();
  return made;
}

base::Result<std::unique_ptr<LogWriter>> LogWriter::open(const config::LogConfig& config) {
  auto output = Output::open(config.output.value);
  if (!output) return base::failure(std::move(output.error()));
  base::UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return base::failure(base::system_error("eventfd", errno));
  return std::unique_ptr<LogWriter>(new LogWriter(config, std::move(*output), std::move(wake)));
}

LogWriter::LogWriter(const config::LogConfig& config, Output output, base::UniqueFd wake)
    : level_(config.level),
      configured_level_(config.level),
      format_(config.format),
      output_(std::move(output)),
      chunk_(is_regular(output_.fd_) ? kFileChunk : kPipeChunk),
      wake_(std::move(wake)),
      is_file_(!output_.path_.empty()) {}

LogWriter::~LogWriter() { stop(); }

session::RecordSink& LogWriter::add_worker() {
  const std::lock_guard lock(mutex_);
  return *sinks_.emplace_back(std::make_unique<WorkerSink>(*this));
}

void LogWriter::remove_worker(session::RecordSink& sink) {
  static_cast<WorkerSink&>(sink).is_done.store(true, std::memory_order_release);
  wake();
}

base::Result<void> LogWriter::start() {
  auto thread = net::start_thread("log", [this] { run(); });
  if (!thread) return base::failure(std::move(thread.error()));
  thread_ = std::move(*thread);
  return {};
}

void LogWriter::stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  OutputChange change = take_output_change();
  if (change.next) write_last_of_old(std::move(change), Pace::kLast);
  while (collect()) write_out(Pace::kLast);
}

void LogWriter::event(LogLevel level, std::string_view name, std::string_view message,
                      const base::LogFields& fields) {
  if (level < level_.load(std::memory_order_relaxed)) return;
  base::LogFields said;
  if (!message.empty()) said.text("msg", message);
  Event event{std::chrono::system_clock::now(), level, std::string(name) + said.as_text() + fields.as_text(),
              "\"event\":" + base::json_quoted(name) + said.as_json() + fields.as_json()};
  {
    const std::lock_guard lock(mutex_);
    if (events_.size() >= kMostEvents) return count_lost(1);
    events_.push_back(std::move(event));
  }
  wake();
}

void LogWriter::reopen() {
  if (!is_file()) return;
  reopen_wanted_ = true;
  ::eventfd_write(wake_.get(), 1);
}

bool LogWriter::is_file() const {
  const std::lock_guard lock(mutex_);
  return is_file_;
}

void LogWriter::change(const config::LogConfig& config, std::optional<Output> output) {
  if (std::exchange(configured_level_, config.level) != config.level) set_level(config.level);
  format_.store(config.format, std::memory_order_relaxed);
  if (!output) return;
  {
    const std::lock_guard lock(mutex_);
    is_file_ = !output->path_.empty();
    next_output_ = std::move(output);
    // Of two changes in a row the first has nothing of its own.
    std::move(events_.begin(), events_.end(), std::back_inserter(events_before_));
    events_.clear();
  }
  output_wanted_ = true;
  ::eventfd_write(wake_.get(), 1);
}

LogWriter::OutputChange LogWriter::take_output_change() {
  OutputChange change;
  const std::lock_guard lock(mutex_);
  change.next.swap(next_output_);
  change.before.swap(events_before_);
  output_wanted_ = false;
  change.opens_anew = reopen_wanted_.exchange(false);
  return change;
}

void LogWriter::write_last_of_old(OutputChange change, Pace pace) {
  append_events(change.before);
  collect_all_records();
  write_out(pace);
  take(*std::move(change.next));
}

void LogWriter::open_anew() {
  if (output_.path_.empty()) return;
  base::LogFields fields;
  fields.text("file", output_.path_);
  auto opened = Output::open(output_.path_);
  if (!opened) {
    return event(LogLevel::kWarning, "log", opened.error().message() + ": it goes on in the old file",
                 fields);
  }
  take(std::move(*opened));
  event(LogLevel::kInfo, "log", "opened again", fields);
}

void LogWriter::take(Output output) {
  mid_line_ = mid_line_ && is_same_file(output_.fd_, output.fd_);
  output_ = std::move(output);
  chunk_ = is_regular(output_.fd_) ? kFileChunk : kPipeChunk;
}

void LogWriter::wake() {
  if (asleep_.exchange(false, std::memory_order_acq_rel)) ::eventfd_write(wake_.get(), 1);
}

void LogWriter::run() {
  while (!stopping_.load()) {
    pollfd waiting{wake_.get(), POLLIN, 0};
    // Before what is collected: all that was given before it was wanted goes to the old one.
    OutputChange change = take_output_change();
    if (change.next) {
      write_last_of_old(std::move(change), Pace::kWait);
      continue;
    }
    if (collect()) {
      write_out(Pace::kWait);
      if (change.opens_anew) open_anew();
      if (::poll(&waiting, 1, kRestMs) > 0) forget_wakes();
      continue;
    }
    if (change.opens_anew) open_anew();
    // Asleep is said before the last look, and givers give before they ask for it. Both are exchanges:
    // whichever comes second sees what the other did before, so nothing is left behind.
    asleep_.exchange(true, std::memory_order_acq_rel);
    if (!collect()) {
      ::poll(&waiting, 1, -1);
      forget_wakes();
    }
    asleep_.exchange(false, std::memory_order_acq_rel);
    if (!text_.empty()) write_out(Pace::kWait);
  }
}

void LogWriter::forget_wakes() {
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
}

bool LogWriter::collect() {
  collect_events();
  collect_all_records();
  return !text_.empty();
}

void LogWriter::collect_all_records() {
  looked_at_.clear();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& sink : sinks_) looked_at_.push_back(sink.get());
  }
  for (WorkerSink* sink : looked_at_) {
    const bool is_done = sink->is_done.load(std::memory_order_acquire);
    collect_records(sink->ring);
    if (!is_done) continue;
    const std::lock_guard lock(mutex_);
    std::erase_if(sinks_, [&](const auto& one) { return one.get() == sink; });
  }
}

void LogWriter::collect_events() {
  std::vector<Event> taken;
  {
    const std::lock_guard lock(mutex_);
    // What has been given since another output is wanted is for that.
    if (!next_output_) taken.swap(events_);
  }
  append_events(taken);
}

void LogWriter::append_events(const std::vector<Event>& events) {
  const bool is_json = writes_json();
  for (const Event& event : events) {
    append_line(event.time, event.level, is_json ? event.json : event.text, is_json);
  }
}

void LogWriter::collect_records(session::SessionLogRing& ring) {
  // One round takes no more than a ring's worth, so that one busy worker cannot hold up the others' lines.
  for (std::size_t i = 0; i < kRingCapacity; ++i) {
    const auto record = ring.pop();
    if (!record) return;
    const bool is_json = writes_json();
    append_line(record->closed_at, LogLevel::kInfo,
                is_json ? session::json_fields(*record) : session::text_fields(*record), is_json);
  }
}

void LogWriter::append_line(std::chrono::system_clock::time_point time, LogLevel level, std::string_view text,
                            bool is_json) {
  const auto since_epoch = std::chrono::duration_cast<base::Millis>(time.time_since_epoch());
  const std::string stamp = base::utc_time(since_epoch);
  if (is_json) {
    fmt::format_to(std::back_inserter(text_), "{{\"time\":\"{}\",\"level\":\"{}\",{}}}\n", stamp, word(level),
                   text);
  } else {
    fmt::format_to(std::back_inserter(text_), "{} {} {}\n", stamp, word(level), text);
  }
}

void LogWriter::write_out(Pace pace) {
  const auto last_chance = base::precise_now() + base::Millis(kLastChanceMs);
  // A line that was cut must not run into the next.
  if (mid_line_) text_.insert(text_.begin(), '\n');
  std::size_t at = 0;
  int error = 0;
  while (at < text_.size() && error == 0) {
    pollfd output{output_.fd_, POLLOUT, 0};
    if (::poll(&output, 1, 100) == 0) {
      // An output that takes nothing must not keep its follower waiting.
      const bool last = pace == Pace::kLast || stopping_.load() || output_wanted_.load();
      if (last && base::precise_now() >= last_chance) error = EAGAIN;
      continue;
    }
    const std::string_view left = std::string_view(text_).substr(at);
    const ssize_t written = ::write(output_.fd_, left.data(), piece_of(left, chunk_));
    if (written >= 0) {
      at += static_cast<std::size_t>(written);
    } else if (errno != EINTR && errno != EAGAIN) {
      error = errno;
    }
  }
  auto unwritten = std::count(text_.begin() + static_cast<std::ptrdiff_t>(at), text_.end(), '\n');
  // The line break that ends a cut line belongs to no new one: that line is counted already.
  if (mid_line_ && at == 0) --unwritten;
  if (at > 0) mid_line_ = text_[at - 1] != '\n';
  count_lost(static_cast<std::uint64_t>(unwritten));
  text_.clear();
  const std::uint64_t lost_now = lost();
  if (error == 0 && lost_now != lost_said_ && pace == Pace::kWait) {
    base::LogFields fields;
    fields.number("lines", lost_now - lost_said_);
    lost_said_ = lost_now;
    event(LogLevel::kWarning, "log_lost", "lines were dropped because the log could not keep up", fields);
  }
}

}  // namespace weir::server
