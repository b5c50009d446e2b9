#include "tls/ticket_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.h"
#include "unit/support.h"

namespace weir::tls {
namespace {

using std::chrono::minutes;
using test::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr base::TimePoint kTicketStart(std::chrono::hours(1'000));

class RandomTicketKeys : public testing::Test {
 protected:
  TicketKey make() { return keys->for_new_ticket(now).value(); }

  const std::shared_ptr<TicketKeys> keys = TicketKeys::random();
  base::TimePoint now = kTicketStart;
};

TEST_F(RandomTicketKeys, GoOnInAnotherProcessWithTheirAge) {
  const TicketKey first = make();
  now += minutes(90);
  const TicketKey second = make();
  now += minutes(20);
  const auto aged = keys->aged(now);
  ASSERT_EQ(aged.size(), 2u);
  EXPECT_EQ(aged[0].age, minutes(20));
  EXPECT_EQ(aged[1].age, minutes(110));
  const auto others = TicketKeys::random();
  const base::TimePoint there = now + std::chrono::hours(5);  // its clock is another one's
  others->go_on_with(aged, there);
  EXPECT_EQ(others->for_new_ticket(there)->name, second.name);
  EXPECT_TRUE(others->find(second.name, there)->makes_tickets);
  EXPECT_EQ(others->find(first.name, there)->key.mac, first.mac);
  EXPECT_NE(others->for_new_ticket(there + minutes(40))->name, second.name) << "its hour is over";
  EXPECT_FALSE(others->find(first.name, there + minutes(70)).has_value());
}

TEST_F(RandomTicketKeys, MakeTicketsForAnHour) {
  const TicketKey first = make();
  now += minutes(59);
  EXPECT_EQ(make().name, first.name);
  EXPECT_TRUE(keys->find(first.name, now)->makes_tickets);
  now += minutes(1);
  const TicketKey second = make();
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.mac, first.mac);
  EXPECT_NE(second.cipher, first.cipher);
}

TEST_F(RandomTicketKeys, AskForRenewalOnceTheirTurnIsOver) {
  const TicketKey first = make();
  now += minutes(60);
  EXPECT_FALSE(keys->find(first.name, now)->makes_tickets) << "even where no other has made one yet";
  make();
  const auto found = keys->find(first.name, now);
  EXPECT_FALSE(found->makes_tickets);
  EXPECT_EQ(found->key.cipher, first.cipher);
}

TEST_F(RandomTicketKeys, OpenTicketsUntilTheLastHasEnded) {
  const TicketKey first = make();
  now += minutes(60 + 120) - std::chrono::seconds(1);
  EXPECT_TRUE(keys->find(first.name, now));
  now += std::chrono::seconds(1);
  EXPECT_FALSE(keys->find(first.name, now));
}

TEST_F(RandomTicketKeys, DoNotOpenTicketsOfOthers) {
  make();
  EXPECT_FALSE(keys->find(TicketKeys::random()->for_new_ticket(now)->name, now));
}

class TicketKeyFile : public testing::Test {
 protected:
  std::shared_ptr<TicketKeys> load(const std::string& text) {
    auto loaded = TicketKeys::from_file(write_file(folder.path(), "tickets", text, mode), warnings);
    EXPECT_TRUE(loaded);
    return *loaded;
  }
  std::string error_of(const std::string& text) {
    return TicketKeys::from_file(write_file(folder.path(), "tickets", text, 0600), warnings)
        .error()
        .message();
  }
  // A key of which every byte is `c`.
  static std::string key_of(char c) { return std::string(TicketKey::kBytes, c); }
  static std::array<unsigned char, 16> name_of(char c) {
    std::array<unsigned char, 16> name{};
    name.fill(static_cast<unsigned char>(c));
    return name;
  }

  const test::TempFolder folder;
  unsigned mode = 0600;
  std::vector<std::string> warnings;
};

TEST_F(TicketKeyFile, MakesTicketsWithItsFirstKeyForEverAndReadsThoseOfAll) {
  const auto keys = load(key_of('a') + key_of('b'));
  EXPECT_EQ(keys->for_new_ticket(kTicketStart)->name, name_of('a'));
  EXPECT_EQ(keys->for_new_ticket(kTicketStart + std::chrono::hours(1000))->name, name_of('a'));
  EXPECT_TRUE(keys->find(name_of('a'), kTicketStart)->makes_tickets);
  EXPECT_FALSE(keys->find(name_of('b'), kTicketStart)->makes_tickets);
  EXPECT_FALSE(keys->find(name_of('c'), kTicketStart));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(TicketKeyFile, HasTheNameThenTheMacsSecretThenTheCiphers) {
  const auto key =
      load(std::string(16, 'n') + std::string(32, 'm') + std::string(32, 'c'))->for_new_ticket({});
  EXPECT_EQ(key->name, name_of('n'));
  EXPECT_EQ(key->mac.front(), 'm');
  EXPECT_EQ(key->mac.back(), 'm');
  EXPECT_EQ(key->cipher.front(), 'c');
  EXPECT_EQ(key->cipher.back(), 'c');
}

TEST_F(TicketKeyFile, IsRefusedWhenItIsNotOfWholeKeys) {
  EXPECT_THAT(error_of(""), AllOf(HasSubstr("/tickets: has 0 bytes; expected one or more"),
                                  HasSubstr("openssl rand -out " + folder.path() + "/tickets 80")));
  EXPECT_THAT(error_of(key_of('a') + "\n"), HasSubstr("has 81 bytes"));
  EXPECT_THAT(TicketKeys::from_file("/nowhere/t", warnings).error().message(),
              testing::StartsWith("/nowhere/t: cannot be opened: "));
}

TEST_F(TicketKeyFile, IsWarnedOfWhenOthersMayReadIt) {
  mode = 0640;
  load(key_of('a'));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("(mode 0640)")));
}

TEST_F(TicketKeyFile, TakesThePlaceOfTheOneBefore) {
  const auto keys = load(key_of('a'));
  keys->replace(*load(key_of('b') + key_of('a')));
  EXPECT_EQ(keys->for_new_ticket(kTicketStart)->name, name_of('b'));
  EXPECT_FALSE(keys->find(name_of('a'), kTicketStart)->makes_tickets);
  keys->replace(*load(key_of('c')));
  EXPECT_FALSE(keys->find(name_of('a'), kTicketStart));
  keys->replace(*TicketKeys::random());
  EXPECT_NE(keys->for_new_ticket(kTicketStart)->name, name_of('c'));
}

}  // namespace
}  // namespace weir::tls
