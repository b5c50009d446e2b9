// The metrics of a running Weir: docs/metrics.md has them all and no others, histograms agree with the
// counters beside them, and to look costs those who serve nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "support/backend.h"
#include "support/dns_server.h"
#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/reloaded.h"
#include "support/test_user.h"
#include "support/tls_backend.h"
#include "support/tls_socket.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::IsEmpty;

struct Family {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const Family&) const = default;
};
using Families = std::map<std::string, Family>;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// What stands between backquotes.
std::vector<std::string> in_backquotes(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    words.push_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return words;
}

// The rows of the page's tables: | `name` | type | `label`, `label` | meaning |
Families documented() {
  std::ifstream page(std::filesystem::path(WEIR_TEST_SUPPORT_DIR) / "../../docs/metrics.md");
  Families families;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream row(line.substr(1));
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell);
    if (cells.size() < 4) continue;
    Family family;
    family.type = cells[1].substr(1, cells[1].size() - 2);
    for (const std::string& label : in_backquotes(cells[2])) family.labels.insert(label);
    EXPECT_TRUE(families.emplace(in_backquotes(cells[0]).at(0), family).second) << line << " is there twice";
  }
  return families;
}

std::set<std::string> labels_of(const std::string& sample) {
  std::set<std::string> labels;
  for (std::size_t at = sample.find('{'); at != std::string::npos;) {
    const std::size_t equals = sample.find("=\"", at);
    if (equals == std::string::npos) break;
    labels.insert(sample.substr(at + 1, equals - at - 1));
    at = sample.find("\",", equals + 2);
    if (at != std::string::npos) ++at;
  }
  return labels;
}

// What one reading shows. A family without a sample has no labels to be compared: it is none.
Families shown(const std::string& text) {
  Families families;
  std::string name;
  std::string type;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("# TYPE ")) {
      std::istringstream(line.substr(7)) >> name >> type;
    } else if (!line.starts_with('#')) {
      std::set<std::string> labels = labels_of(line);
      if (type == "histogram") labels.erase("le");
      Family& family = families.emplace(name, Family{type, labels}).first->second;
      EXPECT_EQ(family.labels, labels) << line;
    }
  }
  return families;
}

// Weir with everything on that has metrics of its own.
class RichMetrics : public testing::Test {
 protected:
  std::string listed(const CertificatePaths& paths) const {
    return "certificates = [{ chain = \"" + paths.chain + "\", key = \"" + paths.key + "\" }]\n";
  }
  CertificatePaths write(const std::string& name, const CertificateSpec& spec) {
    CertificatePaths paths = write_certificate(directory.path(), name, authority.issue(spec));
    give_to_test_user(paths.key);
    return paths;
  }
  Configuration everything() {
    dns.set_addresses("app.test", 3'600, {"127.0.0.1"});
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(plain.address())};
    configuration.listener = "accept_proxy = \"optional\"\nproxy_trust = [\"127.0.0.1\"]\n";
    configuration.pool = "source = [\"127.0.0.1\"]\n";
    const std::string port = std::to_string(plain.address().port());
    configuration.rest =
        "[listeners.web.access]\nkernel_drop = true\ndeny = [\"127.0.0.9\"]\n"
        "[listeners.secure]\nbind = \"127.0.0.1:0\"\npool = \"secure\"\n"
        "[listeners.secure.tls]\nmode = \"terminate\"\n" +
        listed(own) +
        "[listeners.named]\nbind = \"127.0.0.1:0\"\npool = \"named\"\n"
        "[pools.secure]\nbackends = [" +
        entry(secret.address()) + "]\n[pools.secure.tls]\nverify = false\ncertificate = \"" + client.chain +
        "\"\nkey = \"" + client.key + "\"\n[pools.named]\nbackends = [\"app.test:" + port +
        "\"]\n[pools.named.resolve]\nservers = [\"" + dns.address().to_string() + "\"]\n";
    return configuration;
  }
  static void talk(Socket socket) {
    socket.send_all("hello");
    EXPECT_EQ(socket.receive_exactly(5), "hello");
  }

  TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const TestCertificate server = authority.issue(server_spec({"a.example"}));
  const CertificatePaths own = write("own", server_spec({"a.example"}));
  const CertificatePaths client = write("client", client_spec("weir"));
  DnsServer dns;
  Backend plain{echo()};
  Backend secret{over_tls(
      [this] {
        TlsOptions options;
        options.own = &server;
        return options;
      }(),
      [](TlsSocket& socket) { socket.send_all(socket.receive_exactly(5)); })};
};

TEST_F(RichMetrics, AreThoseOfThePageWithItsTypesAndLabels) {
  const WeirProcess weir(everything());
  talk(weir.connect());
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_resolve_answers_total") > 0; }));
  talk(Socket::connect(weir.address("named")));
  TlsSocket secure = TlsSocket::connect(Socket::connect(weir.address("secure")));
  secure.send_all("hello");
  EXPECT_EQ(secure.receive_exactly(5), "hello");
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_closed_total") > 0; }));
  // What the kernel has of ports it is asked once a second.
  const bool knows_time_wait = eventually([&] {
    return weir.admin().get("/metrics").body.find("\nweir_source_ports_time_wait{") != std::string::npos;
  });
  const std::string text = weir.admin().get("/metrics").body;
  // For promtool (tests/servers/metrics.py).
  if (const char* path = std::getenv("WEIR_TEST_METRICS_PAGE")) std::ofstream(path) << text;

  const Families page = documented();
  const Families here = shown(text);
  ASSERT_GT(here.size(), 80u);
  for (const auto& [name, family] : here) {
    const auto row = page.find(name);
    ASSERT_NE(row, page.end()) << name << " is not in docs/metrics.md";
    EXPECT_EQ(row->second.type, family.type) << name;
    EXPECT_EQ(row->second.labels, family.labels) << name;
  }
  std::vector<std::string> missing;
  for (const auto& [name, family] : page) {
    const bool depends_on_kernel = name.starts_with("weir_kernel_") && family.type == "counter";
    const bool depends_on_rights = name == "weir_packets_dropped_total" && !has_right(CAP_BPF);
    const bool depends_on_netlink = name == "weir_source_ports_time_wait" && !knows_time_wait;
    if (!here.contains(name) && !depends_on_kernel && !depends_on_rights && !depends_on_netlink) {
      missing.push_back(name);
    }
  }
  EXPECT_THAT(missing, IsEmpty()) << "they are in docs/metrics.md, and Weir does not show them";
}

// All of a histogram's buckets in one reading, by their bounds as they stand there.
void expect_sound_histograms(const std::string& text) {
  std::uint64_t before = 0;
  std::uint64_t all = 0;
  std::size_t histograms = 0;
  for (const std::string& line : lines_of(text)) {
    const std::uint64_t value = std::strtoull(line.c_str() + line.rfind(' '), nullptr, 10);
    if (line.find("_bucket{") != std::string::npos) {
      EXPECT_GE(value, before) << line;
      const bool is_last = line.find("le=\"+Inf\"") != std::string::npos;
      before = is_last ? 0 : value;
      if (is_last) all = value;
    } else if (line.find("_count{") != std::string::npos) {
      EXPECT_EQ(value, all) << line;
      ++histograms;
    }
  }
  EXPECT_GE(histograms, 4u);
}

TEST(Histograms, AgreeWithThemselvesWhileTheyMoveAndWithTheCountersWhenAllIsOver) {
  constexpr std::size_t kSessions = 300;
  Backend backend(echo());
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"none\"\n";
  const WeirProcess weir(configuration);
  std::atomic<bool> over{false};
  Background looking([&] {
    while (!over.load()) expect_sound_histograms(weir.admin().get("/metrics").body);
  });
  in_parallel(4, kSessions, [&](std::size_t) {
    Socket client = weir.connect();
    client.send_all("x");
    EXPECT_EQ(client.receive_exactly(1), "x");
  });
  over.store(true);
  looking.join();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_session_duration_seconds_count"), kSessions);
  EXPECT_EQ(metrics.sum("weir_sessions_closed_total"), kSessions);
  EXPECT_EQ(metrics.sum("weir_pool_connect_seconds_count"), kSessions);
  EXPECT_GT(metrics.seconds("weir_session_duration_seconds_sum"), 0);
  EXPECT_GT(metrics.seconds("weir_pool_connect_seconds_sum"), 0);
  EXPECT_LE(metrics.seconds("weir_pool_connect_seconds_sum"),
            metrics.seconds("weir_session_duration_seconds_sum"))
      << "a connect is a part of its session";
  // Each session takes several turns of one of the two.
  EXPECT_GT(metrics.sum("weir_worker_turn_seconds_count"), kSessions);
  EXPECT_GT(metrics.seconds("weir_worker_turn_seconds_sum"), 0);
}

TEST(Histograms, CountASessionThatIsTurnedAwayBeforeItHasABackend) {
  Configuration configuration;
  configuration.backends = {"\"127.0.0.1:1\""};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_closed_total") == 1; }));
  EXPECT_EQ(weir.admin().sum("weir_session_duration_seconds_count"), 1u);
  EXPECT_EQ(weir.admin().sum("weir_pool_connect_seconds_count"), 0u) << "no connect stood";
}

TEST(ProcessMetrics, SayWhatTheKernelSays) {
  constexpr std::size_t kClients = 40;
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  ChildOptions options = weir_options();
  options.descriptors = 900;
  const WeirProcess weir(configuration, options);
  std::vector<Socket> clients(kClients);
  for (Socket& client : clients) {
    client = weir.connect();
    client.send_all("x");
    EXPECT_EQ(client.receive_exactly(1), "x");
  }
  const Metrics metrics = weir.admin().metrics();
  // The admin door's connection is open while it counts, and may be gone or not when this does.
  EXPECT_NEAR(static_cast<double>(metrics.sum("process_open_fds")),
              static_cast<double>(descriptor_count(weir.pid())), 2);
  EXPECT_EQ(metrics.sum("process_max_fds"), 900u);
  EXPECT_NEAR(static_cast<double>(metrics.sum("process_resident_memory_bytes")),
              static_cast<double>(resident_bytes(weir.pid())), 8 << 20);
  EXPECT_GT(metrics.sum("weir_process_memory_limit_bytes"), metrics.sum("process_resident_memory_bytes"));
  const double cpu = static_cast<double>(cpu_time(weir.pid()).count()) / 1'000;
  EXPECT_NEAR(metrics.seconds("process_cpu_seconds_total"), cpu, 1);
  EXPECT_GT(metrics.seconds("process_cpu_seconds_total"), 0);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double seconds = std::chrono::duration<double>(now).count();
  EXPECT_NEAR(metrics.seconds("process_start_time_seconds"), seconds, 120);
  EXPECT_EQ(metrics.sum("weir_build_info"), 1u);
}

TEST(WorkerMetrics, NameAWorkerRetiredThatAReloadHasLeftOver) {
  Backend backend(echo());
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  Reloaded weir(configuration);
  EXPECT_EQ(weir->admin().sum("weir_worker_retired"), 0u);
  // One that the kernel gives to the second worker.
  std::vector<Socket> clients;
  const bool has_one = eventually([&] {
    clients.push_back(weir->connect());
    clients.back().send_all("x");
    EXPECT_EQ(clients.back().receive_exactly(1), "x");
    return weir->admin().sum("weir_worker_sessions_open", {{"worker", "1"}}) > 0;
  });
  ASSERT_TRUE(has_one);
  configuration.workers = 1;
  weir.well(configuration);
  EXPECT_EQ(weir->admin().sum("weir_worker_retired", {{"worker", "0"}}), 0u);
  EXPECT_EQ(weir->admin().sum("weir_worker_retired", {{"worker", "1"}}), 1u);
  configuration.workers = 2;
  weir.well(configuration);
  EXPECT_EQ(weir->admin().sum("weir_worker_retired", {{"worker", "1"}}), 0u) << "it is welcome back";
}

// Sleeps of the worker threads so far. One that was woken has slept once more.
std::uint64_t workers_slept(pid_t weir) {
  std::uint64_t sum = 0;
  for (const auto& [thread, times] : times_slept(weir)) {
    std::ifstream file("/proc/" + std::to_string(weir) + "/task/" + std::to_string(thread) + "/comm");
    std::string name;
    file >> name;
    if (name.starts_with("worker-")) sum += times;
  }
  return sum;
}

// A thousand backends, each of an address of its own.
Configuration of_a_thousand(const Backend& backend) {
  Configuration configuration;
  configuration.workers = 2;
  for (std::size_t i = 0; i < 1'000; ++i) {
    const std::string ip = "127.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    configuration.backends.push_back("\"" + ip + ":" + std::to_string(backend.address().port()) + "\"");
  }
  return configuration;
}

// bench/scrape.py says how long it takes.
TEST(AScrape, OfAThousandBackendsWakesNoWorkerAndShowsEachBackendOnce) {
  constexpr std::size_t kBackends = 1'000;
  constexpr int kScrapes = 20;
  Backend backend(echo());
  const WeirProcess weir(of_a_thousand(backend));
  std::size_t size = weir.admin().get("/metrics").body.size();
  const std::uint64_t slept = workers_slept(weir.pid());
  ASSERT_GT(slept, 0u) << "the threads are not called worker-N any more";
  for (int i = 0; i < kScrapes; ++i) size = weir.admin().get("/metrics").body.size();
  EXPECT_EQ(workers_slept(weir.pid()), slept);
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_backend_up"), kBackends);
  // Some twenty lines for each, of some eighty bytes.
  EXPECT_LT(size, kBackends * 2'200);
}

// One that has had a session has more to show: the ports of its source.
TEST(AScrape, OfAThousandBackendsThatHaveHadSessionsCostsLessThanFiftyMilliseconds) {
  constexpr std::size_t kBackends = 1'000;
  constexpr int kScrapes = 20;
  // On all of loopback, since each of them is to be reached.
  Backend backend(address_of("0.0.0.0:0"), echo());
  Configuration configuration = of_a_thousand(backend);
  configuration.log = "sessions = \"none\"\n";
  const WeirProcess weir(configuration);
  in_parallel(4, kBackends, [&](std::size_t) {
    Socket client = weir.connect();
    client.send_all("x");
    EXPECT_EQ(client.receive_exactly(1), "x");
    client.reset();
  });
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  const std::string text = weir.admin().get("/metrics").body;
  std::size_t used = 0;
  for (const std::string& line : lines_of(text)) {
    used += line.starts_with("weir_backend_sessions_total{") && line.ends_with(" 1") ? 1 : 0;
  }
  EXPECT_EQ(used, kBackends) << "each has had its one";
  // Of the processor, not by the clock: whatever else the machine does.
  const Millis before = cpu_time(weir.pid());
  for (int i = 0; i < kScrapes; ++i) EXPECT_GE(weir.admin().get("/metrics").body.size(), text.size() / 2);
  const Millis each = (cpu_time(weir.pid()) - before) / kScrapes;
  RecordProperty("milliseconds_each", std::to_string(each.count()));
  if (!kSanitized) {
    EXPECT_LT(each, Millis(50));
  }
}

}  // namespace
}  // namespace weir::test
