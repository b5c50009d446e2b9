// Files of certificates and keys as OpenSSL's objects. Errors name the file and say what to do.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/openssl_ptr.h"

namespace weir::tls {

// "<file>: <what>", an error of the configuration.
base::Error file_fault(const std::string& file, std::string_view what);

// What a file holds, wiped from memory at the end: it may be a key.
class FileText {
 public:
  FileText(std::string text, mode_t mode) : text_(std::move(text)), mode_(mode) {}
  FileText(FileText&&) = default;
  FileText& operator=(FileText&&) = delete;
  ~FileText();

  std::string_view text() const { return text_; }
  mode_t mode() const { return mode_; }  // permissions, see inode(7)

 private:
  std::string text_;
  mode_t mode_;
};

// The whole file. Errors: it cannot be opened or read (with the system's reason), it is not a regular file,
// it is larger than a mebibyte.
base::Result<FileText> load_text(const std::string& file);

// Every block CERTIFICATE of a PEM text (RFC 7468 section 5) in its order; others are passed over. Errors:
// there is none, one cannot be read. `file` is for the messages.
base::Result<std::vector<X509Ptr>> parse_certificates(std::string_view text, const std::string& file);

// The first private key of a PEM text (RFC 7468 sections 10 and 11, and the older forms of OpenSSL). Errors:
// there is none, it is encrypted (nobody is asked for a password), it cannot be read.
base::Result<PrivateKeyPtr> parse_private_key(std::string_view text, const std::string& file);

// What is said of a secret file that others than its owner may read or write; empty when it is as it should
// be.
std::string mode_warning(const std::string& file, mode_t mode);

}  // namespace weir::tls
