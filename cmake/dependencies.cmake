# Every library Weir stands on, as imported targets with system include folders.
# Debian's packages are listed in scripts/packages.sh; src/ARCHITECTURE.md says what each is for.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
if(WEIR_TESTS)
  find_package(GTest REQUIRED)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()
find_package(benchmark QUIET) # bench/micro; no build needs it
pkg_check_modules(libevent REQUIRED IMPORTED_TARGET libevent_core>=2.1)
pkg_check_modules(libevent_extra REQUIRED IMPORTED_TARGET libevent_extra>=2.1)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus>=3.3)
pkg_check_modules(libcap_ng REQUIRED IMPORTED_TARGET libcap-ng)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(libxxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)
pkg_check_modules(libbpf REQUIRED IMPORTED_TARGET libbpf>=1.0)
pkg_check_modules(libcares REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(ncursesw REQUIRED IMPORTED_TARGET ncursesw)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl>=3.0)

# The charts of the dashboard; other systems have it elsewhere: -DWEIR_CHART_JS=/PATH/chart.min.js (version 3.9).
find_file(WEIR_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js NO_DEFAULT_PATH)
if(NOT WEIR_CHART_JS)
  message(FATAL_ERROR "chart.min.js is missing; scripts/packages.sh installs what a build needs")
endif()

foreach(header tl/expected.hpp CLI/CLI.hpp nlohmann/json.hpp boost/beast/http.hpp)
  string(MAKE_C_IDENTIFIER "WEIR_HAVE_${header}" have)
  find_file(${have} ${header})
  if(NOT ${have})
    message(FATAL_ERROR "${header} is missing; scripts/packages.sh installs what a build needs")
  endif()
endforeach()
