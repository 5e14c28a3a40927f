#include "requests.h"

#include "embbert/tokenizer.h"
#include "tokenizer_data.h"

size_t Answer(const Request& request, const char* texts, int32_t* ids) {
  const embbert::TokenizerTables& tables = embbert::bundle::kTokenizer;
  if (request.second_length == kNoText) {
    return embbert::Tokenize(tables, texts, request.length, ids, request.capacity);
  }
  return embbert::TokenizePair(tables, texts, request.length, texts + request.length, request.second_length, ids,
                               request.capacity);
}
