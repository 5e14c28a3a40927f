# Reads the bundle in BUNDLE, holds its files to the hash in its manifest, and makes BUNDLE a copy of its sources in the
# build folder: what was held to the hash is what is compiled. Gives BUNDLE_SHA256.

set(BUNDLE "" CACHE PATH "folder that convert/convert.py wrote")
get_filename_component(bundle "${BUNDLE}" ABSOLUTE BASE_DIR ${CMAKE_BINARY_DIR}/..)
if(NOT EXISTS ${bundle}/manifest.json OR NOT EXISTS ${bundle}/bundle.h)
  list(APPEND missing "no bundle in BUNDLE='${bundle}', which takes a folder that convert/convert.py wrote")
  list(JOIN missing "\n  " missing)
  message(FATAL_ERROR " missing:\n  ${missing}")
endif()
file(READ ${bundle}/manifest.json manifest)
string(JSON BUNDLE_SHA256 GET "${manifest}" bundle_sha256)

# Over the sorted lines `sha256  file` of all files but the manifest, the page for people, and what file managers and
# model hubs leave in any folder.
file(GLOB_RECURSE names RELATIVE ${bundle} ${bundle}/*)
set(strays ${names})
list(FILTER strays INCLUDE REGEX "(^|/)(\\.|Thumbs\\.db$|desktop\\.ini$)")
list(REMOVE_ITEM names manifest.json README.md ${strays})
if(strays)
  message(STATUS "of no bundle, ignored: ${strays}")
endif()
foreach(name ${names})
  file(SHA256 ${bundle}/${name} hash)
  list(APPEND lines "${hash}  ${name}\n")
endforeach()
list(SORT lines)
string(CONCAT lines ${lines})
string(SHA256 found "${lines}")
if(NOT found STREQUAL BUNDLE_SHA256)
  message(FATAL_ERROR "the files in ${bundle} are not those of its manifest; convert the run again")
endif()

set(BUNDLE ${CMAKE_BINARY_DIR}/bundle)
list(TRANSFORM names PREPEND ${bundle}/ OUTPUT_VARIABLE files)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files} ${bundle}/manifest.json)
list(FILTER names INCLUDE REGEX "\\.(h|cc)$")
foreach(name ${names})
  configure_file(${bundle}/${name} ${BUNDLE}/${name} COPYONLY)
endforeach()

# A bundle that took the place of another may have files older than the build, which nothing above would see.
set(stamp ${CMAKE_BINARY_DIR}/bundle.stamp)
file(TOUCH ${stamp})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${stamp})
add_custom_target(bundle_is_current COMMAND ${CMAKE_COMMAND} -DBUNDLE=${bundle} -DSHA256=${BUNDLE_SHA256}
                  -DSTAMP=${stamp} -P ${CMAKE_CURRENT_LIST_DIR}/bundle_is_current.cmake VERBATIM)
