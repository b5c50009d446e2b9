# Makes a .cc of a file, for what the binary carries with it: `std::string_view NAMESPACE::NAME()`.
# usage: cmake -DINPUT=FILE -DOUTPUT=FILE.cc -DHEADER=a/b.h -DNAMESPACE=weir::x -DNAME=f -P embed.cmake
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${OUTPUT}" "// Made of ${NAME}'s file by cmake/embed.cmake.
#include \"${HEADER}\"

namespace ${NAMESPACE} {
std::string_view ${NAME}() {
  static constexpr unsigned char kBytes[] = {${bytes}};
  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};
}
}  // namespace ${NAMESPACE}
")
