# The tar is unpacked anywhere: no usr/ in it, one folder around it.
if(CPACK_GENERATOR STREQUAL TGZ)
  set(CPACK_PACKAGING_INSTALL_PREFIX "")
endif()
