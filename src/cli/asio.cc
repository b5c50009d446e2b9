// Boost.Asio's own code, which is of headers only, compiled here and nowhere else
// (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
