# Makes a .cc of the dashboard's files: `std::span<const PageFile> weir::admin::page_files()`. A file that ends in .gz
# is taken for what it holds and sent as it is.
# usage: cmake -DFILES=A;B;... -DOUTPUT=FILE.cc -P embed_page.cmake
set(arrays "")
set(table "")
set(count 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  set(gzipped false)
  if(name MATCHES "\\.gz$")
    set(gzipped true)
    string(REGEX REPLACE "\\.gz$" "" name "${name}")
  endif()
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${count}[] = {${bytes}};\n")
  string(APPEND table
         "      {\"${name}\", {reinterpret_cast<const char*>(kFile${count}), sizeof(kFile${count})}, ${gzipped}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Made of src/admin/dashboard by cmake/embed_page.cmake.
#include \"admin/page.h\"

namespace weir::admin {
namespace {
${arrays}}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile kFiles[] = {
${table}  };
  return kFiles;
}
}  // namespace weir::admin
")
