/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-safetensors.h"

#include "wdmoe-transformer.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace wdmoe
{

namespace
{

/// Longest header, as the format says
constexpr uint64_t MOST_HEADER_BYTES = 100'000'000;
/// Longest index of shards
constexpr std::size_t MOST_INDEX_BYTES = 64 << 20;
/// Longest name of a tensor
constexpr std::size_t MOST_NAME = 1024;
/// Most dimensions of a tensor
constexpr std::size_t MOST_DIMENSIONS = 8;
/// Deepest JSON
constexpr int MOST_LEVELS = 16;
/// Bytes read at a time
constexpr std::size_t PIECE = 256 << 10;

/**
 * Opens a regular file to read. The descriptor is the caller's to close.
 *
 * @param path of the file
 * @param [out] size of the file
 * @return descriptor
 */
int
OpenFile(const std::string& path, uint64_t& size)
{
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status{};
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
    {
        const std::string why = std::strerror(errno);
        if (descriptor >= 0)
        {
            close(descriptor);
        }
        throw CheckpointError(path + ": cannot be read: " + why);
    }
    if (!S_ISREG(status.st_mode))
    {
        close(descriptor);
        throw CheckpointError(path + ": expected a regular file, found another kind");
    }
    size = static_cast<uint64_t>(status.st_size);
    return descriptor;
}

/**
 * @param path for the message
 * @param descriptor of the open file
 * @param offset first byte
 * @param bytes how many
 * @param to where to write them
 */
void
ReadBytes(const std::string& path, int descriptor, uint64_t offset, std::size_t bytes, void* to)
{
    auto* next = static_cast<char*>(to);
    while (bytes > 0)
    {
        const ssize_t n = pread(descriptor, next, bytes, static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR)
        {
            continue;
        }
        if (n <= 0)
        {
            throw CheckpointError(path + ": expected " + std::to_string(bytes) +
                                  " more bytes at byte " + std::to_string(offset) + ", found " +
                                  (n < 0 ? std::strerror(errno) : "the end of the file"));
        }
        next += n;
        offset += static_cast<uint64_t>(n);
        bytes -= static_cast<std::size_t>(n);
    }
}

/// @return whether a file is there; @param path of it
bool
Exists(const std::string& path)
{
    struct stat status{};
    return stat(path.c_str(), &status) == 0;
}

/// @return library's text without its own prefix; @param error of the JSON library
std::string
WithoutPrefix(const std::exception& error)
{
    const std::string what = error.what();
    const auto cut = what.find("] ");
    return QuoteForMessage(cut == std::string::npos ? what : what.substr(cut + 2));
}

/// A tensor as the header describes it, offsets counted from the end of the header
struct Described
{
    std::string name;            ///< its key
    std::string type;            ///< dtype
    std::vector<uint64_t> shape; ///< shape
    std::vector<uint64_t> range; ///< data_offsets
    bool hasType{false};         ///< dtype was there
    bool hasShape{false};        ///< shape was there
    bool hasRange{false};        ///< data_offsets was there
};

/**
 * Takes the JSON of a header event by event, so that no tree is built of what may be hostile: only
 * {NAME: {"dtype": text, "shape": [n...], "data_offsets": [n, n]}, "__metadata__": {text: text}}
 * passes.
 */
class HeaderReader : public nlohmann::json_sax<nlohmann::json>
{
  public:
    explicit HeaderReader(const std::string& path)
        : m_path(path)
    {
    }

    std::vector<Described> tensors; ///< as they came

    bool null() override
    {
        Unexpected("null");
    }

    bool boolean(bool) override
    {
        Unexpected("a truth value");
    }

    bool number_integer(number_integer_t value) override
    {
        Unexpected(std::to_string(value));
    }

    bool number_float(number_float_t, const string_t& text) override
    {
        Unexpected(QuoteForMessage(text));
    }

    bool binary(binary_t&) override
    {
        Unexpected("bytes");
    }

    bool number_unsigned(number_unsigned_t value) override
    {
        auto* list = m_place == Place::SHAPE   ? &tensors.back().shape
                     : m_place == Place::RANGE ? &tensors.back().range
                                               : nullptr;
        if (!list)
        {
            Unexpected(std::to_string(value));
        }
        if (list->size() >= (m_place == Place::SHAPE ? MOST_DIMENSIONS : 2))
        {
            Fail(m_place == Place::SHAPE ? "'shape' has more than 8 dimensions"
                                         : "expected two numbers in 'data_offsets', found more");
        }
        list->push_back(value);
        return true;
    }

    bool string(string_t& value) override
    {
        if (m_place == Place::METADATA)
        {
            return true;
        }
        if (m_place != Place::TENSOR || m_key != "dtype")
        {
            Unexpected(QuoteForMessage(value));
        }
        tensors.back().type = value;
        return true;
    }

    bool start_object(std::size_t) override
    {
        if (m_place == Place::OUTSIDE)
        {
            m_place = Place::ROOT;
            return true;
        }
        if (m_place != Place::ROOT)
        {
            Unexpected("an object");
        }
        if (m_key == "__metadata__")
        {
            m_place = Place::METADATA;
            m_metadata.clear();
            return true;
        }
        m_place = Place::TENSOR;
        tensors.emplace_back();
        tensors.back().name = m_key;
        return true;
    }

    bool key(string_t& value) override
    {
        if (value.size() > MOST_NAME)
        {
            throw CheckpointError(m_path + ": header: a key of " + std::to_string(value.size()) +
                                  " bytes, expected at most " + std::to_string(MOST_NAME));
        }
        bool twice = false;
        if (m_place == Place::TENSOR)
        {
            auto& last = tensors.back();
            bool* has = value == "dtype"          ? &last.hasType
                        : value == "shape"        ? &last.hasShape
                        : value == "data_offsets" ? &last.hasRange
                                                  : nullptr;
            if (!has)
            {
                Fail("expected the keys dtype, shape and data_offsets, found " +
                     QuoteForMessage(value));
            }
            twice = std::exchange(*has, true);
        }
        else
        {
            auto& seen = m_place == Place::METADATA ? m_metadata : m_names;
            twice = !seen.insert(value).second;
        }
        if (twice)
        {
            throw CheckpointError(m_path + ": header: the key " + QuoteForMessage(value) +
                                  " stands twice in an object");
        }
        m_key = value;
        return true;
    }

    bool end_object() override
    {
        if (m_place == Place::TENSOR)
        {
            const auto& last = tensors.back();
            if (!last.hasType || !last.hasShape || !last.hasRange)
            {
                Fail("expected the keys dtype, shape and data_offsets, found not all of them");
            }
        }
        m_place = m_place == Place::ROOT ? Place::OUTSIDE : Place::ROOT;
        return true;
    }

    bool start_array(std::size_t) override
    {
        if (m_place != Place::TENSOR || m_key == "dtype")
        {
            Unexpected("an array");
        }
        m_place = m_key == "shape" ? Place::SHAPE : Place::RANGE;
        return true;
    }

    bool end_array() override
    {
        if (m_place == Place::RANGE && tensors.back().range.size() != 2)
        {
            Fail("expected two numbers in 'data_offsets', found fewer");
        }
        m_place = Place::TENSOR;
        return true;
    }

    bool parse_error(std::size_t position,
                     const std::string&,
                     const nlohmann::detail::exception& error) override
    {
        throw CheckpointError(m_path + ": header: not JSON at its byte " +
                              std::to_string(position) + ": " + WithoutPrefix(error));
    }

  private:
    /// Where in the document
    enum class Place
    {
        OUTSIDE,
        ROOT,
        METADATA,
        TENSOR,
        SHAPE,
        RANGE
    };

    [[noreturn]] void Fail(const std::string& what) const
    {
        throw CheckpointError(m_path + ": header: tensor " +
                              QuoteForMessage(tensors.empty() ? "" : tensors.back().name) + ": " +
                              what);
    }

    [[noreturn]] void Unexpected(const std::string& found) const
    {
        throw CheckpointError(
            m_path + ": header: " + (m_key.empty() ? "" : "key " + QuoteForMessage(m_key) + ": ") +
            "expected an object of tensors with dtype (text), shape (whole "
            "numbers >= 0) and data_offsets (two such), found " +
            found);
    }

    const std::string& m_path;        ///< for messages
    Place m_place{Place::OUTSIDE};    ///< where we are
    std::string m_key;                ///< last key
    std::set<std::string> m_names;    ///< keys of the root
    std::set<std::string> m_metadata; ///< keys of the metadata
};

/// @return value of an IEEE half; @param half its bits
inline float
FromHalf(uint16_t half)
{
    // exponents are moved by a multiplication, which also gets subnormals and infinities right
    const uint32_t wide = static_cast<uint32_t>(half) << 16;
    const uint32_t twice = wide + wide;
    const float normal = std::bit_cast<float>((twice >> 4) + (0xE0U << 23)) * 0x1.0p-112F;
    const float subnormal = std::bit_cast<float>((twice >> 17) | (126U << 23)) - 0.5F;
    const uint32_t bits = std::bit_cast<uint32_t>(twice < (1U << 27) ? subnormal : normal);
    return std::bit_cast<float>((wide & 0x80000000U) | bits);
}

} // namespace

std::string
QuoteForMessage(const std::string& text)
{
    constexpr std::size_t most = 160;
    std::string out = "'";
    for (const char c : text.substr(0, most))
    {
        out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out + (text.size() > most ? "...'" : "'");
}

nlohmann::json
ReadCheckpointJson(const std::string& path, std::size_t mostBytes)
{
    uint64_t size = 0;
    const int descriptor = OpenFile(path, size);
    std::string text;
    try
    {
        if (size > mostBytes)
        {
            throw CheckpointError(path + ": expected at most " + std::to_string(mostBytes) +
                                  " bytes, found " + std::to_string(size));
        }
        text.resize(size);
        ReadBytes(path, descriptor, 0, text.size(), text.data());
    }
    catch (...)
    {
        close(descriptor);
        throw;
    }
    close(descriptor);

    std::vector<std::set<std::string>> keys;
    using Event = nlohmann::json::parse_event_t;
    const auto check = [&](int depth, Event event, nlohmann::json& value) {
        if (depth > MOST_LEVELS)
        {
            throw CheckpointError(path + ": JSON of more than " + std::to_string(MOST_LEVELS) +
                                  " levels");
        }
        if (event == Event::object_start)
        {
            keys.emplace_back();
        }
        else if (event == Event::object_end)
        {
            keys.pop_back();
        }
        else if (event == Event::key && !keys.back().insert(value.get<std::string>()).second)
        {
            throw CheckpointError(path + ": the key " + QuoteForMessage(value.get<std::string>()) +
                                  " stands twice in an object");
        }
        return true;
    };
    try
    {
        return nlohmann::json::parse(text, check);
    }
    catch (const nlohmann::json::exception& error)
    {
        throw CheckpointError(path + ": not JSON: " + WithoutPrefix(error));
    }
}

TensorFolder::TensorFolder(const std::string& folder)
{
    try
    {
        m_main = folder + "/model.safetensors";
        if (Exists(m_main))
        {
            Open(m_main, nullptr);
            return;
        }
        const std::string index = m_main + ".index.json";
        if (!Exists(index))
        {
            throw CheckpointError(m_main + ": missing, and so is model.safetensors.index.json");
        }
        m_main = index;
        const auto json = ReadCheckpointJson(index, MOST_INDEX_BYTES);
        if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
        {
            throw CheckpointError(index + ": field 'weight_map': expected an object, found " +
                                  (json.is_object() && json.contains("weight_map")
                                       ? json["weight_map"].type_name()
                                       : "nothing"));
        }
        std::map<std::string, std::string> shardOf;
        std::set<std::string> shards;
        for (const auto& [name, value] : json["weight_map"].items())
        {
            const std::string where = index + ": weight_map: tensor " + QuoteForMessage(name);
            if (!value.is_string())
            {
                throw CheckpointError(where + ": expected the name of a file, found " +
                                      value.type_name());
            }
            const auto& shard = value.get_ref<const std::string&>();
            const std::string suffix = ".safetensors";
            const bool plain =
                shard.size() > suffix.size() && shard.size() < 256 && shard[0] != '.' &&
                shard.find_first_of(std::string("/\\\0", 3)) == std::string::npos &&
                shard.compare(shard.size() - suffix.size(), suffix.size(), suffix) == 0;
            if (!plain)
            {
                throw CheckpointError(where +
                                      ": expected the plain name of a file *.safetensors "
                                      "in this folder, found " +
                                      QuoteForMessage(shard));
            }
            shardOf[name] = shard;
            shards.insert(shard);
        }
        for (const auto& shard : shards)
        {
            if (!Exists(folder + "/" + shard))
            {
                throw CheckpointError(index + ": names the file " + QuoteForMessage(shard) +
                                      ", which is missing");
            }
            Open(folder + "/" + shard, &shardOf);
        }
        for (const auto& [name, shard] : shardOf)
        {
            if (!m_tensors.count(name))
            {
                throw CheckpointError(index + ": tensor " + QuoteForMessage(name) +
                                      ": expected in " + QuoteForMessage(shard) +
                                      ", found no such tensor there");
            }
        }
    }
    catch (...)
    {
        for (const auto& file : m_files)
        {
            close(file.descriptor);
        }
        throw;
    }
}

TensorFolder::~TensorFolder()
{
    for (const auto& file : m_files)
    {
        close(file.descriptor);
    }
}

void
TensorFolder::Open(const std::string& path, const std::map<std::string, std::string>* inIndex)
{
    File file;
    file.path = path;
    m_files.reserve(m_files.size() + 1);
    file.descriptor = OpenFile(path, file.size);
    m_files.push_back(file);

    if (file.size < 8)
    {
        throw CheckpointError(path + ": expected a header length of 8 bytes, found a file of " +
                              std::to_string(file.size));
    }
    unsigned char raw[8];
    ReadBytes(path, file.descriptor, 0, sizeof(raw), raw);
    uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
    {
        length = length << 8 | raw[i];
    }
    const uint64_t most = std::min(MOST_HEADER_BYTES, file.size - 8);
    if (length < 2 || length > most)
    {
        throw CheckpointError(path + ": header length: expected 2 to " + std::to_string(most) +
                              " bytes (the file has " + std::to_string(file.size) + "), found " +
                              std::to_string(length));
    }
    std::string header(length, '\0');
    ReadBytes(path, file.descriptor, 8, header.size(), header.data());
    if (header[0] != '{')
    {
        throw CheckpointError(path + ": header: expected '{' as its first byte, found " +
                              QuoteForMessage(header.substr(0, 1)));
    }
    HeaderReader reader(path);
    nlohmann::json::sax_parse(header, &reader);
    header = std::string();

    m_files.back().dataStart = 8 + length;
    const uint64_t dataBytes = file.size - 8 - length;
    auto& found = reader.tensors;
    std::sort(found.begin(), found.end(), [](const Described& a, const Described& b) {
        return a.range < b.range;
    });
    for (const auto& described : found)
    {
        const std::string where = path + ": tensor " + QuoteForMessage(described.name) + ": ";
        Tensor tensor;
        tensor.file = m_files.size() - 1;
        tensor.shape = described.shape;
        uint64_t size = 2;
        if (described.type == "F32")
        {
            tensor.type = Type::F32;
            size = 4;
        }
        else if (described.type == "F16" || described.type == "BF16")
        {
            tensor.type = described.type == "F16" ? Type::F16 : Type::BF16;
        }
        else
        {
            throw CheckpointError(where + "dtype: expected F32, F16 or BF16, found " +
                                  QuoteForMessage(described.type));
        }
        tensor.elements = 1;
        for (const auto dimension : described.shape)
        {
            if (dimension != 0 &&
                tensor.elements > std::numeric_limits<int64_t>::max() / size / dimension)
            {
                throw CheckpointError(where + "shape: the product of its dimensions is beyond 64 "
                                              "bits, expected what fits the file");
            }
            tensor.elements *= dimension;
        }
        tensor.bytes = tensor.elements * size;
        const uint64_t from = described.range[0];
        const uint64_t to = described.range[1];
        if (from > to || to > dataBytes)
        {
            throw CheckpointError(where + "data_offsets: expected a range within the " +
                                  std::to_string(dataBytes) + " bytes of data, found [" +
                                  std::to_string(from) + ", " + std::to_string(to) + "]");
        }
        if (to - from != tensor.bytes)
        {
            throw CheckpointError(where + "data_offsets: expected " + std::to_string(tensor.bytes) +
                                  " bytes by its shape and dtype, found " +
                                  std::to_string(to - from));
        }
        tensor.offset = m_files.back().dataStart + from;
        if (inIndex)
        {
            const auto listed = inIndex->find(described.name);
            if (listed == inIndex->end() ||
                path.compare(path.rfind('/') + 1, std::string::npos, listed->second) != 0)
            {
                throw CheckpointError(
                    where + "expected " +
                    (listed == inIndex->end()
                         ? "no such tensor, the index does not list it"
                         : "in " + QuoteForMessage(listed->second) + " according to the index") +
                    ", found it here");
            }
        }
        m_tensors.emplace(described.name, std::move(tensor));
    }
    // in the order of their offsets: no byte twice, none left out
    uint64_t reached = 0;
    for (const auto& described : found)
    {
        const uint64_t from = described.range[0];
        if (from != reached)
        {
            throw CheckpointError(path + ": tensor " + QuoteForMessage(described.name) +
                                  ": data_offsets: expected to start at " +
                                  std::to_string(reached) + ", where the one before ends, found " +
                                  std::to_string(from) +
                                  (from < reached ? " (they overlap)" : " (there is a hole)"));
        }
        reached = described.range[1];
    }
    if (reached != dataBytes)
    {
        throw CheckpointError(path + ": expected " + std::to_string(reached) +
                              " bytes of data by its header, found " + std::to_string(dataBytes));
    }
}

const std::map<std::string, TensorFolder::Tensor>&
TensorFolder::Tensors() const
{
    return m_tensors;
}

const std::string&
TensorFolder::FileOf(const Tensor& tensor) const
{
    return m_files[tensor.file].path;
}

const std::string&
TensorFolder::MainFile() const
{
    return m_main;
}

void
TensorFolder::ReadRows(
    const std::string& name,
    std::size_t width,
    const std::function<void(std::size_t, std::size_t, const float*)>& take) const
{
    const Tensor& tensor = m_tensors.at(name);
    const File& file = m_files[tensor.file];
    const std::size_t size = tensor.type == Type::F32 ? 4 : 2;
    const std::size_t rows = tensor.elements / width;
    const std::size_t most = std::max<std::size_t>(1, PIECE / (width * size));
    std::vector<char> raw(std::min(most, rows) * width * size);
    std::vector<float> values(std::min(most, rows) * width);
    for (std::size_t first = 0; first < rows; first += most)
    {
        const std::size_t n = std::min(most, rows - first);
        const std::size_t elements = n * width;
        const uint64_t offset = tensor.offset + first * width * size;
        if (tensor.type == Type::F32)
        {
            ReadBytes(file.path, file.descriptor, offset, elements * size, values.data());
            if constexpr (std::endian::native == std::endian::big)
            {
                for (std::size_t i = 0; i < elements; ++i)
                {
                    values[i] =
                        std::bit_cast<float>(__builtin_bswap32(std::bit_cast<uint32_t>(values[i])));
                }
            }
        }
        else
        {
            ReadBytes(file.path, file.descriptor, offset, elements * size, raw.data());
            const auto bits = [&raw](std::size_t i) {
                uint16_t value;
                std::memcpy(&value, raw.data() + 2 * i, 2);
                return std::endian::native == std::endian::big ? __builtin_bswap16(value) : value;
            };
            if (tensor.type == Type::F16)
            {
                for (std::size_t i = 0; i < elements; ++i)
                {
                    values[i] = FromHalf(bits(i));
                }
            }
            else
            {
                for (std::size_t i = 0; i < elements; ++i)
                {
                    values[i] = std::bit_cast<float>(static_cast<uint32_t>(bits(i)) << 16);
                }
            }
        }
        // not finite: all bits of the exponent are set
        constexpr uint32_t exponent = 0x7F800000U;
        uint32_t largest = 0;
        for (std::size_t i = 0; i < elements; ++i)
        {
            largest = std::max(largest, std::bit_cast<uint32_t>(values[i]) & exponent);
        }
        for (std::size_t i = 0; largest == exponent && i < elements; ++i)
        {
            const auto value = std::bit_cast<uint32_t>(values[i]);
            if ((value & exponent) == exponent)
            {
                throw CheckpointError(file.path + ": tensor " + QuoteForMessage(name) +
                                      ": element " + std::to_string(first * width + i) +
                                      ": expected a finite number, found " +
                                      (value & ~(exponent | 0x80000000U) ? "NaN" : "infinity"));
            }
        }
        take(first, n, values.data());
    }
}

} // namespace wdmoe
