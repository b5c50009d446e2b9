# What `cmake --install` puts where: the program, its manual pages and completions, systemd's unit, the user, examples,
# the notices of what the program carries.
# No configuration and no log's rotation: those are the administrator's, or a package's (debian/).
include(GNUInstallDirs)
set(WEIR_UNIT_DIR "lib/systemd/system" CACHE STRING "Where systemd looks for units")
set(WEIR_ZSH_DIR "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" CACHE STRING "Where zsh looks for completions")

install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# weir_described(WHAT FOLDER NAME): what the program says of itself by `weir describe WHAT`, as a file.
set(described_files)
function(weir_described what folder name)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/described/${what}/${name})
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/described/${what})
  add_custom_command(OUTPUT ${file} COMMAND weir describe ${what} > ${file} DEPENDS weir VERBATIM)
  install(FILES ${file} DESTINATION ${folder})
  set(described_files ${described_files} ${file} PARENT_SCOPE)
endfunction()
weir_described(weir.8 ${CMAKE_INSTALL_MANDIR}/man8 weir.8)
weir_described(weir.toml.5 ${CMAKE_INSTALL_MANDIR}/man5 weir.toml.5)
weir_described(bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions weir)
weir_described(zsh ${WEIR_ZSH_DIR} _weir)
weir_described(fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d weir.fish)
weir_described(schema ${CMAKE_INSTALL_DATADIR}/weir weir.schema.json)
add_custom_target(described ALL DEPENDS ${described_files})

# The unit starts the program from where it is installed.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS conf/weir.service)
file(READ conf/weir.service unit)
string(REPLACE "/usr/bin/weir" "${CMAKE_INSTALL_FULL_BINDIR}/weir" unit "${unit}")
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/weir.service CONTENT "${unit}" @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weir.service DESTINATION ${WEIR_UNIT_DIR})
install(FILES conf/weir.sysusers DESTINATION lib/sysusers.d RENAME weir.conf)
install(FILES conf/weir.tmpfiles DESTINATION lib/tmpfiles.d RENAME weir.conf)

# Examples name the schema, for editors, where it is installed.
file(GLOB examples CONFIGURE_DEPENDS conf/*.toml)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${examples})
foreach(example IN LISTS examples)
  get_filename_component(name ${example} NAME)
  file(READ ${example} text)
  string(REPLACE "#:schema ./weir.schema.json" "#:schema file://${CMAKE_INSTALL_FULL_DATADIR}/weir/weir.schema.json"
         text "${text}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/examples/${name} CONTENT "${text}" @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/examples/${name} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
endforeach()
install(FILES conf/weir.socket DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES LICENSE THIRD_PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
