/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SAFETENSORS_H
#define WDMOE_SAFETENSORS_H

// Internal: not installed, not part of the interface of the module.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-moe
 *
 * Text of an untrusted file made fit for a message: printable, not too long.
 *
 * @param text as found
 * @return quoted
 */
std::string QuoteForMessage(const std::string& text);

/**
 * @ingroup wdmoe-moe
 *
 * A JSON file of a checkpoint, small and flat: no more than 16 levels, no key twice.
 *
 * @param path of the file
 * @param mostBytes longest accepted
 * @return the document
 * @throws CheckpointError naming the file
 */
nlohmann::json ReadCheckpointJson(const std::string& path, std::size_t mostBytes);

/**
 * @ingroup wdmoe-moe
 *
 * The tensors of a checkpoint folder: model.safetensors, or the shards that
 * model.safetensors.index.json names. The constructor checks all headers against the sizes of the
 * files; data is read later, piece by piece, and checked for values that are not finite.
 */
class TensorFolder
{
  public:
    /// How a number is stored
    enum class Type
    {
        F32,
        F16,
        BF16
    };

    /// One tensor: what the header says, checked
    struct Tensor
    {
        std::size_t file{0};         ///< index of the file it is in
        Type type{Type::F32};        ///< how its numbers are stored
        std::vector<uint64_t> shape; ///< lengths of its dimensions
        uint64_t elements{0};        ///< product of shape
        uint64_t offset{0};          ///< first byte, from the start of the file
        uint64_t bytes{0};           ///< elements * bytes of one
    };

    /// @param folder of the checkpoint; throws CheckpointError if anything is wrong
    explicit TensorFolder(const std::string& folder);
    ~TensorFolder();
    TensorFolder(const TensorFolder&) = delete;
    TensorFolder& operator=(const TensorFolder&) = delete;

    /// @return all tensors by name
    const std::map<std::string, Tensor>& Tensors() const;

    /// @return path of the file that holds a tensor; @param tensor one of Tensors()
    const std::string& FileOf(const Tensor& tensor) const;

    /// @return path to name in a message about a tensor that is not there
    const std::string& MainFile() const;

    /**
     * Read rows of a tensor as fp32, a few at a time.
     *
     * @param name of the tensor
     * @param width elements of one row; divides the tensor's
     * @param take called with the first row's index, the number of rows, and their numbers
     * @throws CheckpointError for a value that is not finite, or a file that cannot be read
     */
    void ReadRows(const std::string& name,
                  std::size_t width,
                  const std::function<void(std::size_t, std::size_t, const float*)>& take) const;

  private:
    /// Open a file and check its header. @param path of it @param inIndex shard of each tensor;
    /// null: no index
    void Open(const std::string& path, const std::map<std::string, std::string>* inIndex);

    /// An open file
    struct File
    {
        std::string path;      ///< for messages
        int descriptor{-1};    ///< of the open file
        uint64_t dataStart{0}; ///< first byte after the header
        uint64_t size{0};      ///< bytes
    };

    std::string m_main;                      ///< model.safetensors, or the index
    std::vector<File> m_files;               ///< all of them, open
    std::map<std::string, Tensor> m_tensors; ///< by name
};

} // namespace wdmoe

#endif /* WDMOE_SAFETENSORS_H */
