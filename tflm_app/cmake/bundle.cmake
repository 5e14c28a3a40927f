# Reads the bundle in BUNDLE and holds its files to the hash in its manifest; gives BUNDLE_SHA256.

set(BUNDLE "" CACHE PATH "folder that convert/convert.py wrote")
get_filename_component(BUNDLE "${BUNDLE}" ABSOLUTE BASE_DIR ${CMAKE_BINARY_DIR}/..)
if(NOT EXISTS ${BUNDLE}/manifest.json OR NOT EXISTS ${BUNDLE}/bundle.h)
  message(FATAL_ERROR "no bundle in BUNDLE='${BUNDLE}'; -DBUNDLE= takes a folder that convert/convert.py wrote")
endif()
file(READ ${BUNDLE}/manifest.json manifest)
string(JSON BUNDLE_SHA256 GET "${manifest}" bundle_sha256)

# Over the sorted lines `sha256  file` of all files but the manifest.
file(GLOB_RECURSE names RELATIVE ${BUNDLE} ${BUNDLE}/*)
list(REMOVE_ITEM names manifest.json)
foreach(name ${names})
  file(SHA256 ${BUNDLE}/${name} hash)
  list(APPEND lines "${hash}  ${name}\n")
endforeach()
list(SORT lines)
string(CONCAT lines ${lines})
string(SHA256 found "${lines}")
if(NOT found STREQUAL BUNDLE_SHA256)
  message(FATAL_ERROR "the files in ${BUNDLE} are not those of its manifest; convert the run again")
endif()
