#include "config/secrets.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Secrets, AreNotShownWhereverTheyStand) {
  Secrets secrets;
  secrets.note("TOKEN", "correct horse");
  secrets.note("HOST", "db.internal");
  EXPECT_EQ(secrets.hidden("found \"correct horse\", and correct horse at db.internal:80"),
            "found \"${TOKEN}\", and ${TOKEN} at ${HOST}:80");
  EXPECT_EQ(secrets.hidden("nothing of them"), "nothing of them");
}

TEST(Secrets, AreKnownAsMessagesShowThem) {
  Secrets secrets;
  secrets.note("A", "one\ntwo\x01");
  secrets.note("LONG", std::string(50, 'x') + std::string(500, 'y'));
  EXPECT_EQ(secrets.hidden(R"(found "one\x0atwo\x01")"), R"(found "${A}")");
  EXPECT_EQ(secrets.hidden("found \"" + std::string(50, 'x') + std::string(30, 'y') + "...\""),
            "found \"${LONG}...\"")
      << "which have cut it";
}

TEST(Secrets, AreNotTakenForWhatOnlyBeginsLikeThem) {
  Secrets secrets;
  secrets.note("KEY", "/etc/weir/certificates/a.key");
  EXPECT_EQ(secrets.hidden("/etc/weir/certificates/b.key, /etc/weir/certificates/a.key"),
            "/etc/weir/certificates/b.key, ${KEY}");
}

TEST(Secrets, OfWhichOneBeginsLikeAnotherAreHiddenWhole) {
  Secrets secrets;
  secrets.note("SHORT", "password");
  secrets.note("LONG", "password-of-the-other");
  EXPECT_EQ(secrets.hidden("password-of-the-other, password").find("password"), std::string::npos);
  EXPECT_EQ(secrets.hidden("password-of-the-other").find("other"), std::string::npos);
}

TEST(Secrets, ThatAreNoneAreLeftInWords) {
  Secrets secrets;
  secrets.note("N", "8");
  secrets.note("EMPTY", "");
  EXPECT_EQ(secrets.hidden("found 8, expected 80"), "found 8, expected 80");
}

}  // namespace
}  // namespace weir::config
