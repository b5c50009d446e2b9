// The bench's backend, and its clients against it.
#include "load/responder.h"

#include <gtest/gtest.h>

#include <functional>

#include "load/pace.h"
#include "support/listener.h"

namespace weir::load {
namespace {

using base::Millis;

const std::string kAsks = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
const std::string kAsksAndCloses = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

class ResponderTest : public ::testing::Test {
 protected:
  ResponderTest() {
    auto made = Responder::create({port_.address()}, "");
    if (!made) throw std::runtime_error(made.error().message());
    responder_.emplace(std::move(*made));
  }

  // Turns, until the condition holds.
  void answer_until(const std::function<bool()>& holds) {
    EXPECT_TRUE(test::eventually([&] {
      responder_->answer(Millis(0));
      return holds();
    }));
  }

  Connections clients(Clients wanted) const {
    wanted.target = port_.address();
    return std::move(*Connections::create(wanted));
  }

  const test::DeadPort port_;
  std::optional<Responder> responder_;
};

TEST_F(ResponderTest, AnswersEachRequestHoweverItIsCut) {
  test::Socket client = test::Socket::connect(port_.address());
  Answer answer;
  for (std::size_t cut = 1; cut < kAsks.size(); cut += 5) {
    client.send_all(kAsks.substr(0, cut));
    client.wait_until_delivered();
    responder_->answer(Millis(0));
    EXPECT_FALSE(client.readable_now()) << cut;
    client.send_all(kAsks.substr(cut));
    answer_until([&] { return client.readable_now(); });
    EXPECT_EQ(answer.take(client.receive_some().bytes), Answer::Is::kWhole) << cut;
    answer.begin_anew();
  }
  EXPECT_EQ(responder_->open(), 1u);
}

TEST_F(ResponderTest, ClosesBehindTheLastRequest) {
  test::Socket client = test::Socket::connect(port_.address());
  client.send_all(kAsksAndCloses);
  answer_until([&] { return client.readable_now() && responder_->open() == 0; });
  const test::Received received = client.receive_until_end();
  EXPECT_EQ(received.ended, test::Ended::kEndOfStream);
  Answer answer;
  EXPECT_EQ(answer.take(received.bytes), Answer::Is::kWhole);
}

TEST_F(ResponderTest, ForgetsAClientThatGoesInTheMiddle) {
  test::Socket first = test::Socket::connect(port_.address());
  first.send_all(kAsks.substr(0, 10));
  answer_until([&] { return responder_->open() == 1; });
  first.close();
  answer_until([&] { return responder_->open() == 0; });
  test::Socket second = test::Socket::connect(port_.address());
  second.send_all(kAsks);
  answer_until([&] { return second.readable_now(); });
  Answer answer;
  EXPECT_EQ(answer.take(second.receive_some().bytes), Answer::Is::kWhole);
}

TEST_F(ResponderTest, AnAddressThatIsTakenIsSaidSo) {
  const auto other = Responder::create({port_.address()}, "");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message().find(port_.address().to_string()), std::string::npos)
      << other.error().message();
}

TEST_F(ResponderTest, IsBothEndsOfALoadThatEndsOrderly) {
  for (const bool is_one_each : {false, true}) {
    Clients wanted;
    wanted.connections = 8;
    wanted.is_one_request_each = is_one_each;
    Connections load = clients(wanted);
    ASSERT_TRUE(load.answer_by(*responder_));
    run_closed(load, {Millis(0), Millis(200)});
    EXPECT_GT(load.tally().requests, 8u);
    EXPECT_EQ(load.tally().requests, load.tally().latency.count());
    EXPECT_EQ(load.tally().connect_errors + load.tally().read_errors + load.tally().timeouts, 0u);
    EXPECT_EQ(responder_->open(), 0u);
  }
}

TEST_F(ResponderTest, ASlowClientTakesItsTime) {
  Clients wanted;
  wanted.bytes_per_tick = 10;  // of the answer's 70 and more
  Connections load = clients(wanted);
  ASSERT_TRUE(load.answer_by(*responder_));
  run_closed(load, {Millis(0), Millis(400)});
  EXPECT_EQ(load.tally().requests, 0u);
  EXPECT_GE(load.tally().bytes, 10u);
  EXPECT_LE(load.tally().bytes, 60u);
}

}  // namespace
}  // namespace weir::load
