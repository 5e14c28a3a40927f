# Fails where the bundle in BUNDLE is not the one of SHA256, and touches STAMP: the next build configures anew.

file(READ ${BUNDLE}/manifest.json manifest)
string(JSON found GET "${manifest}" bundle_sha256)
if(NOT found STREQUAL SHA256)
  file(TOUCH ${STAMP})
  message(FATAL_ERROR " ${BUNDLE} is another bundle than the app was configured with: build again")
endif()
