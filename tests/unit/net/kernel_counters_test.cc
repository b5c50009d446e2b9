#include "net/kernel_counters.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "unit/support.h"

namespace weir::net {
namespace {

constexpr std::string_view kNetstat =
    "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts ListenOverflows ListenDrops "
    "TCPDeferAcceptDrop TCPReqQFullDoCookies TCPReqQFullDrop TCPFastOpenPassive TCPFastOpenListenOverflow\n"
    "TcpExt: 11 12 13 14 15 16 17 18446744073709551615 19 20 21\n"
    "IpExt: InNoRoutes ListenDrops\n"
    "IpExt: 7 999\n";

KernelCounters parse(std::string_view text) {
  KernelCounters counters;
  parse_kernel_counters(text, counters);
  return counters;
}

TEST(ParseKernelCounters, TakesEachColumnByItsName) {
  const KernelCounters counters = parse(kNetstat);
  EXPECT_EQ(counters.syncookies_sent, 11u);
  EXPECT_EQ(counters.syncookies_received, 12u);
  EXPECT_EQ(counters.syncookies_failed, 13u);
  EXPECT_EQ(counters.listen_overflows, 15u);
  EXPECT_EQ(counters.listen_drops, 16u) << "and not IpExt's of the same name";
  EXPECT_EQ(counters.defer_accept_drops, 17u);
  EXPECT_EQ(counters.request_queue_full_cookies, 18446744073709551615u);
  EXPECT_EQ(counters.request_queue_full_drops, 19u);
  EXPECT_EQ(counters.fast_open_passive, 20u);
  EXPECT_EQ(counters.fast_open_overflows, 21u);
}

TEST(ParseKernelCounters, LeavesAloneWhatItCannotRead) {
  struct Case {
    std::string_view what;
    std::string_view text;
  };
  const std::vector<Case> cases = {
      {"nothing", ""},
      {"an empty line", "\n\n\n"},
      {"names alone", "TcpExt: ListenDrops\n"},
      {"values alone", "TcpExt:\n"},
      {"fewer values than names", "TcpExt: TW ListenDrops\nTcpExt: 1\n"},
      {"a column of another protocol", "IpExt: ListenDrops\nIpExt: 1\n"},
      {"names and values of two protocols", "TcpExt: ListenDrops\nIpExt: 1\n"},
      {"a word", "TcpExt: ListenDrops\nTcpExt: many\n"},
      {"a number with something behind it", "TcpExt: ListenDrops\nTcpExt: 1x\n"},
      {"a number below zero", "TcpExt: ListenDrops\nTcpExt: -1\n"},
      {"a number beyond 64 bits", "TcpExt: ListenDrops\nTcpExt: 18446744073709551616\n"},
      {"a line that was cut off", "TcpExt: ListenDrops\nTcpExt: 12"},
      {"a name that only begins so", "TcpExt: ListenDropsToo\nTcpExt: 12\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(parse(c.text), KernelCounters{}) << c.what;
}

TEST(ParseKernelCounters, FindsThePairAfterALineWithoutOne) {
  EXPECT_EQ(parse("TcpExt: ListenDrops\nIpExt: InNoRoutes\nIpExt: 3\nTcpExt: ListenDrops\nTcpExt: 4\n")
                .listen_drops,
            4u);
}

TEST(ParseKernelCounters, NeverTakesAPartOfANumberWhereverTheTextIsCut) {
  const KernelCounters whole = parse(kNetstat);
  for (std::size_t size = 0; size <= kNetstat.size(); ++size) {
    const KernelCounters part = parse(kNetstat.substr(0, size));
    EXPECT_TRUE(part == KernelCounters{} || part == whole) << size;
  }
}

TEST(LoadKernelCounters, SeesAnAcceptQueueThatOverflows) {
  const auto before = load_kernel_counters();
  ASSERT_TRUE(before.has_value());
  const test::Listening listening = test::listen_on_loopback(1);
  std::vector<Connecting> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(start_connect(listening.address, {}));
  EXPECT_TRUE(test::eventually([&] {
    const auto now = load_kernel_counters();
    return now && *now->listen_overflows > *before->listen_overflows &&
           *now->listen_drops > *before->listen_drops;
  }));
}

TEST(AcceptQueueOf, TellsDepthAndLimit) {
  const test::Listening listening = test::listen_on_loopback(7);
  EXPECT_EQ(accept_queue(listening.fd.get()), (AcceptQueue{0, 7}));
  const base::UniqueFd one = test::connect_to(listening.address);
  const base::UniqueFd two = test::connect_to(listening.address);
  EXPECT_TRUE(test::eventually([&] { return accept_queue(listening.fd.get()) == AcceptQueue{2, 7}; }));
  const base::UniqueFd accepted = test::accept_from(listening.fd.get());
  EXPECT_EQ(accept_queue(listening.fd.get()), (AcceptQueue{1, 7}));
}

TEST(AcceptQueueOf, HasTheKernelsLimitWhereTheBacklogIsLarger) {
  const test::Listening listening = test::listen_on_loopback(1'000'000'000);
  EXPECT_EQ(accept_queue(listening.fd.get()), (AcceptQueue{0, static_cast<unsigned>(somaxconn())}));
}

TEST(AcceptQueueOf, IsNothingWhereNobodyListens) {
  const test::SocketPair tcp = test::tcp_pair();
  EXPECT_EQ(accept_queue(tcp.a.get()), std::nullopt);
  EXPECT_EQ(accept_queue(-1), std::nullopt);
}

TEST(AcceptQueueOf, IsNothingForAUnixSocket) {
  const test::TempFolder folder;
  ListenOptions options;
  options.backlog = 3;
  const auto listening = listen_on(base::Address::unix_path(folder.file("s")), options);
  ASSERT_TRUE(listening.has_value());
  EXPECT_EQ(accept_queue(listening->get()), std::nullopt);
}

TEST(LoadKernelSettings, AreThisKernels) {
  EXPECT_EQ(load_kernel_settings().somaxconn, static_cast<unsigned>(somaxconn()));
  EXPECT_TRUE(load_kernel_settings().tcp_synack_retries.has_value());
}

TEST(LoadKernelSettings, LeaveOutWhatIsNotThereOrNoNumber) {
  const test::TempFolder folder;
  std::filesystem::create_directories(folder.file("core"));
  std::filesystem::create_directories(folder.file("ipv4"));
  std::ofstream(folder.file("core/somaxconn")) << "128\n";
  std::ofstream(folder.file("ipv4/tcp_max_syn_backlog")) << "256\n";
  std::ofstream(folder.file("ipv4/tcp_synack_retries")) << "many\n";
  std::ofstream(folder.file("ipv4/tcp_abort_on_overflow")) << "1\n";
  std::ofstream(folder.file("ipv4/tcp_fastopen")) << "3\n";
  std::ofstream(folder.file("ipv4/ip_local_port_range")) << "32768\t60999\n";
  std::ofstream(folder.file("ipv4/tcp_tw_reuse")) << "2\n";
  KernelSettings expected;
  expected.local_ports = {32'768, 60'999};
  expected.tcp_tw_reuse = 2;
  expected.somaxconn = 128;
  expected.tcp_max_syn_backlog = 256;
  expected.tcp_abort_on_overflow = 1;
  expected.tcp_fastopen = 3;
  EXPECT_EQ(load_kernel_settings(folder.path()), expected);
  EXPECT_EQ(load_kernel_settings(folder.file("no")), KernelSettings{});
}

}  // namespace
}  // namespace weir::net
