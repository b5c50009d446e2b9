#include "tls/pem.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "tls/fault.h"

namespace weir::tls {
namespace {

constexpr off_t kMaxBytes = off_t{1} << 20;

// Reads `text.size()` bytes, or as many as there are; the errno of a failure, or 0.
int read_into(int fd, std::string& text) {
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(fd, text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return 0;
}

// For PEM_read_bio_*: without it OpenSSL would ask on the terminal (pem_password_cb(3)).
int refuse_password(char*, int, int, void* was_asked) {
  if (was_asked != nullptr) *static_cast<bool*>(was_asked) = true;
  return -1;
}

BioPtr bio_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
bool holds_key(std::string_view text) { return holds(text, "PRIVATE KEY-----"); }
bool holds_certificate(std::string_view text) { return holds(text, "-----BEGIN CERTIFICATE-----"); }

// DER begins with the tag of a SEQUENCE (X.690), which no PEM text does.
bool looks_like_der(std::string_view text) { return text.starts_with('\x30') && !holds(text, "-----BEGIN"); }

base::Error no_certificate(std::string_view text, const std::string& file) {
  if (looks_like_der(text)) {
    return file_fault(
        file,
        fmt::format(
            "there is no certificate in PEM form in it; if it is one in DER form, `openssl x509 -inform "
            "der -in {} -out NEW` makes it PEM",
            file));
  }
  if (holds_key(text)) {
    return file_fault(file,
                      "there is no certificate in it, but a private key; expected PEM blocks CERTIFICATE");
  }
  return file_fault(file, "there is no certificate in it; expected PEM blocks CERTIFICATE");
}

base::Error no_key(std::string_view text, const std::string& file) {
  if (looks_like_der(text)) {
    return file_fault(
        file,
        fmt::format(
            "there is no private key in PEM form in it; if it is one in DER form, `openssl pkey -inform "
            "der -in {} -out NEW` makes it PEM",
            file));
  }
  if (holds_certificate(text)) {
    return file_fault(file,
                      "there is no private key in it, but a certificate; expected a PEM block PRIVATE KEY");
  }
  return file_fault(file, "there is no private key in it; expected a PEM block PRIVATE KEY");
}

}  // namespace

base::Error file_fault(const std::string& file, std::string_view what) {
  return {base::ErrorSide::kConfiguration, fmt::format("{}: {}", file, what)};
}

FileText::~FileText() { OPENSSL_cleanse(text_.data(), text_.size()); }

base::Result<FileText> load_text(const std::string& file) {
  // Opening a FIFO without O_NONBLOCK would wait for a writer.
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return base::failure(base::system_error(file + ": cannot be opened", errno));
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return base::failure(base::system_error(file, errno));
  if (!S_ISREG(facts.st_mode)) return base::failure(file_fault(file, "is not a regular file"));
  if (facts.st_size > kMaxBytes)
    return base::failure(file_fault(file, "is larger than the 1 MiB that are allowed"));
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  if (const int error = read_into(fd.get(), text); error != 0)
    return base::failure(base::system_error(file + ": cannot be read", error));
  return FileText(std::move(text), facts.st_mode & 07777U);
}

base::Result<std::vector<X509Ptr>> parse_certificates(std::string_view text, const std::string& file) {
  std::vector<X509Ptr> found;
  const BioPtr bio = bio_of(text);
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, refuse_password, nullptr))
    found.emplace_back(certificate);
  // The end of the text shows as one more block that does not begin (PEM_read_bio(3)).
  const unsigned long last = ERR_peek_last_error();
  const bool is_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const std::string reason = take_error_text();
  if (!is_end) {
    return base::failure(
        file_fault(file, fmt::format("certificate {} in it cannot be read ({}): the file is damaged",
                                     found.size() + 1, reason)));
  }
  if (found.empty()) return base::failure(no_certificate(text, file));
  return found;
}

base::Result<PrivateKeyPtr> parse_private_key(std::string_view text, const std::string& file) {
  const BioPtr bio = bio_of(text);
  bool was_asked = false;
  ERR_clear_error();
  PrivateKeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, &was_asked));
  const std::string reason = take_error_text();
  if (key) return key;
  if (was_asked) {
    return base::failure(
        file_fault(file, fmt::format("the private key is encrypted, and nobody is there to give a password; "
                                     "decrypt it with `openssl pkey -in {} -out NEW`",
                                     file)));
  }
  if (!holds_key(text)) return base::failure(no_key(text, file));
  return base::failure(
      file_fault(file, fmt::format("the private key cannot be read ({}): the file is damaged", reason)));
}

std::string mode_warning(const std::string& file, mode_t mode) {
  if ((mode & 077U) == 0) return {};
  return fmt::format(
      "{}: others than its owner may open this secret (mode {:04o}); `chmod 600 {}` keeps them out", file,
      mode, file);
}

}  // namespace weir::tls
