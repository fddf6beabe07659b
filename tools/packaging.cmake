# What an installation holds: bin/ablate, the shipped experiments, the docs, a man page, shell completions, and the libraries that not every system has.
include(GNUInstallDirs)

# Of the system: the C and C++ libraries and what Vulkan drivers load too, so that they find the version that they were built with.
set(of_the_system "libc\\.so" "libm\\.so" "ld-linux" "libdl\\.so" "libpthread\\.so" "librt\\.so" "libresolv\\.so" "libstdc\\+\\+" "libgcc_s" "libz\\.so" "libzstd"
                  "liblzma" "libexpat" "libffi" "libvulkan" "libcom_err" "api-ms-" "ext-ms-")
set_target_properties(ablate PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/ablate" BUILD_WITH_INSTALL_RPATH ON)
if(UNIX AND NOT APPLE)
  target_link_options(ablate PRIVATE LINKER:--disable-new-dtags)  # for what those libraries need, too
endif()
install(TARGETS ablate RUNTIME_DEPENDENCIES PRE_EXCLUDE_REGEXES ${of_the_system} RUNTIME DESTINATION bin LIBRARY DESTINATION lib/ablate)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/experiments DESTINATION share/ablate)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/shaders/user DESTINATION share/ablate/shaders FILES_MATCHING PATTERN "*.glsl")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION share/doc/ablate/docs)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/ablate)

# What the program says of itself, as a man page and completions; asked for when it is installed, so that it exists.
find_program(HELP2MAN help2man)
install(CODE "
  set(root \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  foreach(file share/bash-completion/completions/ablate:bash share/zsh/vendor-completions/_ablate:zsh share/fish/vendor_completions.d/ablate.fish:fish)
    string(REPLACE \":\" \";\" file \${file})
    list(GET file 0 path)
    list(GET file 1 shell)
    execute_process(COMMAND $<TARGET_FILE:ablate> completions \${shell} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    file(WRITE \"\${root}/\${path}\" \"\${text}\")
  endforeach()
  execute_process(COMMAND $<TARGET_FILE:ablate> schema OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE \"\${root}/share/ablate/ablate.schema.json\" \"\${text}\")
  if(NOT \"${HELP2MAN}\" STREQUAL \"HELP2MAN-NOTFOUND\")
    file(MAKE_DIRECTORY \"\${root}/share/man/man1\")
    execute_process(COMMAND \"${HELP2MAN}\" --no-info --name \"transformer-ablation experiments on any Vulkan device\" --output \"\${root}/share/man/man1/ablate.1\" $<TARGET_FILE:ablate>
                    COMMAND_ERROR_IS_FATAL ANY)
  endif()
")

set(CPACK_PACKAGE_NAME ablate)
set(CPACK_PACKAGE_VENDOR Ablate)
set(CPACK_PACKAGE_CONTACT "Ablate <ablate@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Transformer-ablation experiments on any Vulkan device")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
# The libraries that come along are private; these are not.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= 2.36), libstdc++6 (>= 12), libvulkan1, zlib1g, libzstd1, libcom-err2, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "mesa-vulkan-drivers")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/tools/packaging_by_generator.cmake)
set(CMAKE_SKIP_PACKAGE_ALL_DEPENDENCY ON)  # not the tests: tools/package builds the program first
include(CPack)
