#include "tls/fault.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pemerr.h>
#include <openssl/ssl.h>

#include <cerrno>

namespace weir::tls {
namespace {

class ErrorText : public testing::Test {
 protected:
  // The words for SSL's errors come with the first context, or with this.
  ErrorText() { OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr); }
};

std::string text_of(int library, int reason) {
  ERR_raise(library, reason);
  return take_error_text();
}

TEST_F(ErrorText, IsEmptyWhenNothingIsWrong) {
  ERR_clear_error();
  EXPECT_EQ(take_error_text(), "");
}

TEST_F(ErrorText, IsTheReasonInOneLineAndLeavesNothing) {
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER), "no shared cipher");
  EXPECT_EQ(text_of(ERR_LIB_PEM, PEM_R_BAD_END_LINE), "bad end line");
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST_F(ErrorText, SaysWhatAReasonMostOftenMeans) {
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER), "wrong version number: not TLS?");
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_HTTP_REQUEST), "http request: HTTP without TLS");
}

TEST_F(ErrorText, TellsAlertsOfTheOtherSideAsSuch) {
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_TLSV1_ALERT_UNKNOWN_CA), "the other side's alert: unknown CA");
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE),
            "the other side's alert: handshake failure");
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED),
            "the other side's alert: certificate required");
}

TEST_F(ErrorText, IsTheSystemsWhereTheSystemHasFailed) {
  EXPECT_EQ(text_of(ERR_LIB_SYS, ENOENT), "No such file or directory");
}

TEST_F(ErrorText, IsTheHandshakesReasonAndNotThatOfItsParts) {
  ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
  ERR_raise(ERR_LIB_SSL, ERR_R_EVP_LIB);
  EXPECT_EQ(text_of(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER), "no shared cipher");
}

TEST_F(ErrorText, HasNothingOfTheDataOfAnError) {
  ERR_raise_data(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER, "secret");
  EXPECT_EQ(take_error_text(), "no shared cipher");
}

}  // namespace
}  // namespace weir::tls
