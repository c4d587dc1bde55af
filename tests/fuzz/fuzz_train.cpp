// Training: what is learned is what the definition learns, whatever the order of the texts and the
// threads, and from files; the merges make a vocabulary that gives the texts back.
#include <cstdio>
#include <map>
#include <numeric>
#include <stdexcept>

#include "core/parallel.h"
#include "fuzz/fuzz.h"
#include "fuzz/reference.h"
#include "fuzz/vocabulary.h"
#include "text/bpe_train.h"

using namespace gpte;

namespace {

constexpr int64_t kMemory = int64_t(1) << 30;
constexpr int64_t kLittle = int64_t(1) << 20;
constexpr size_t kSeveralParts = 200'000;  // bytes of a file that is read in parts with so little

struct Task {
  const Splitter *splitter, *plain;
  bool words;
  std::vector<std::string> specials;
  std::vector<WordCount::Text> texts;
  BpeTrainer::Options options;
  int64_t vocab_size;
};

BpeTrainer::Learned train(const Task& task, bool backwards, int threads, int64_t memory) {
  set_num_threads(threads);
  const Poll poll = [](const char*, int64_t, int64_t) {};
  BpeTrainer trainer(task.specials, *task.splitter, task.words, memory);
  std::vector<WordCount::Text> texts = task.texts;
  if (backwards) {
    std::reverse(texts.begin(), texts.end());
    for (const auto& text : texts) trainer.words().add({text}, poll);
  } else {
    trainer.words().add(texts, poll);
  }
  return trainer.train(task.vocab_size, task.options, poll);
}

void require_same(const BpeTrainer::Learned& a, const BpeTrainer::Learned& b, const char* what) {
  require(a.symbols == b.symbols, what, ": other symbols");
  require(a.merges.size() == b.merges.size(), what, ": ", a.merges.size(), " merges, not ",
          b.merges.size());
  for (size_t i = 0; i < a.merges.size(); ++i) {
    require(a.merges[i].left == b.merges[i].left && a.merges[i].right == b.merges[i].right, what,
            ": merge ", i, " joins ", a.merges[i].left, " and ", a.merges[i].right, ", not ",
            b.merges[i].left, " and ", b.merges[i].right);
  }
}

// The place of a token among equals.
uint32_t place_of(uint32_t token, BpeTrainer::Ties ties) {
  const bool printable = (token >= 33 && token <= 126) || (token >= 161 && token != 173);
  return token < 256 && ties == BpeTrainer::Ties::hugging_face && !printable ? token + 256
         : token < 256                                                       ? token
                                                                             : token + 512;
}

using Words = std::map<reference::Ids, int64_t>;

Words join(const Words& words, Merge pair, uint32_t id) {
  Words joined;
  for (const auto& [word, count] : words) {
    reference::Ids out;
    for (size_t i = 0; i < word.size(); ++i) {
      const bool found = i + 1 < word.size() && word[i] == pair.left && word[i + 1] == pair.right;
      out.push_back(found ? id : word[i]);
      i += found;
    }
    joined[out] += count;
  }
  return joined;
}

// The definition, over bytes.
std::vector<Merge> learn(const Task& task) {
  Words words;
  std::vector<SpecialTokens::Special> specials;
  for (const std::string& name : task.specials) specials.push_back({name, 0});
  for (const auto& [text, weight] : task.texts) {
    for (size_t at = 0; at < text.size();) {
      const auto match = reference::find_special(specials, text, at);
      const size_t stop = match.end ? match.start : text.size();
      for (const auto piece : reference::split(*task.plain, text.substr(at, stop - at))) {
        reference::Ids ids;
        for (const char c : piece) ids.push_back(uint8_t(c));
        words[ids] += weight;
      }
      at = match.end ? match.end : text.size();
    }
  }
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, char(b));
  const auto& limits = task.options.limits;
  std::vector<Merge> merges;
  while (int64_t(tokens.size()) < task.vocab_size) {
    std::map<std::pair<uint32_t, uint32_t>, int64_t> pairs;
    for (const auto& [word, count] : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) pairs[{word[i], word[i + 1]}] += count;
    }
    Merge best{0, 0};
    int64_t most = 0;
    const auto before = [&](Merge a, Merge b) {
      const auto key = [&](Merge m) {
        const auto ties = task.options.ties;
        return std::make_pair(place_of(m.left, ties), place_of(m.right, ties));
      };
      return key(a) < key(b);
    };
    for (const auto& [pair, count] : pairs) {
      const Merge merge{pair.first, pair.second};
      const std::string token = tokens[merge.left] + tokens[merge.right];
      if (limits.max_token_length > 0 && int64_t(token.size()) > limits.max_token_length) continue;
      if (limits.forbidden.count(token) || count < limits.min_frequency) continue;
      if (count > most || (count == most && before(merge, best))) best = merge, most = count;
    }
    if (most == 0) break;
    words = join(words, best, uint32_t(tokens.size()));
    tokens.push_back(tokens[best.left] + tokens[best.right]);
    merges.push_back(best);
  }
  return merges;
}

void check_vocabulary(const Task& task, const BpeTrainer::Learned& learned) {
  std::vector<std::string> tokens = learned.symbols;
  for (const Merge& merge : learned.merges) {
    require(merge.left < tokens.size() && merge.right < tokens.size(), "a merge of no tokens");
    tokens.push_back(tokens[merge.left] + tokens[merge.right]);
    require(!task.options.limits.forbidden.count(tokens.back()), "a forbidden token was learned");
    require(!task.words || ends_word(tokens.back()) == ends_word(tokens[merge.right]),
            "letters make the end of a word");
  }
  if (task.words) {
    tokens.push_back("<unk>");
    Bpe(tokens, learned.merges, {uint32_t(tokens.size() - 1)}, *task.splitter, false,
        Symbols::words);
    return;
  }
  const Bpe bpe(tokens, learned.merges, {}, *task.splitter);
  Bpe::Options options;
  options.as_text = true;
  for (const auto& text : task.texts) {
    TokenBuffer ids;
    std::vector<int64_t> offsets;
    bpe.encode(ids, offsets, {text.letters}, options, false);
    std::string back;
    for (int64_t i = 0; i < ids.size(); ++i) back += tokens[ids.data()[i]];
    require(back == text.letters, "decoding does not give the text back");
  }
}

// A file is read in parts, which are counted as its text is. It holds the last text so often that
// there are several parts, and one byte more than is meant.
void check_file(const Task& task) {
  const WordCount::Text last = task.texts.back();
  if (last.letters.empty()) return;
  std::string letters;
  while (letters.size() < kSeveralParts) letters += last.letters;
  const auto size = int64_t(letters.size());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  require(file && std::fwrite(letters.data(), 1, letters.size(), file.get()) == letters.size() &&
              std::fputc('x', file.get()) == 'x' && std::fflush(file.get()) == 0,
          "no temporary file");
  const Poll poll = [](const char*, int64_t, int64_t) {};
  BpeTrainer read(task.specials, *task.splitter, task.words, kLittle);
  read.words().add_file(fileno(file.get()), "a file", size, 1, poll);
  BpeTrainer given(task.specials, *task.splitter, task.words, kLittle);
  given.words().add({{letters, 1}}, poll);
  const auto found = read.train(task.vocab_size, task.options, poll);
  const auto want = given.train(task.vocab_size, task.options, poll);
  require(found.report.bytes == size, "of a file of ", size, " bytes ", found.report.bytes,
          " were read");
  if (found.report.dropped_words + want.report.dropped_words > 0) return;
  require_same(found, want, "from a file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  Task task;
  const size_t split = in.below(kSplitNames + 2);
  task.words = split == kSplitNames;
  if (split > kSplitNames) {
    task.splitter = task.plain = find_splitter("rules:_?L+N?|S*N{2,3}|[OM]+|S{2,}");
  } else {
    task.splitter = find_splitter(task.words ? "words" : split_name(split));
    task.plain = find_splitter(task.words ? "words plain" : split_name(split, true));
  }
  task.options.ties = BpeTrainer::Ties(in.flag());
  task.vocab_size = (task.words ? 0 : 256) + int64_t(in.byte());
  auto& limits = task.options.limits;
  limits.min_frequency = 1 + int64_t(in.below(5));
  limits.max_token_length = int64_t(in.below(20));
  const size_t forbidden = in.below(3), specials = in.below(3), texts = 1 + in.below(5);
  for (size_t i = 0; i < forbidden; ++i) limits.forbidden.emplace(in.bytes(in.below(5)));
  for (size_t i = 0; i < specials; ++i) {
    const std::string_view name = in.bytes(1 + in.below(5));
    if (!name.empty()) task.specials.emplace_back(name);
  }
  const bool heavy = in.flag();
  const size_t more = in.below(8);
  for (size_t i = 0; i < texts; ++i) {
    const int64_t weight = heavy ? int64_t(1) << in.below(45) : 1 + int64_t(in.below(3));
    task.texts.push_back({i + 1 < texts ? in.bytes(in.byte()) : in.rest(), weight});
  }

  const BpeTrainer::Learned learned = train(task, false, 1, kMemory);
  require_same(train(task, true, 2, kMemory), learned, "backwards and on two threads");
  check_vocabulary(task, learned);
  if (more == 1) check_vocabulary(task, train(task, false, 2, kLittle));
  if (more == 2) check_file(task);
  size_t bytes = 0;
  for (const auto& text : task.texts) bytes += text.letters.size();
  if (!task.words && bytes <= 1024) {
    BpeTrainer::Learned want;
    want.symbols = learned.symbols;
    want.merges = learn(task);
    require_same(learned, want, "by the definition");
  }
  return 0;
}
