/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The readers of a checkpoint: config.json, and the header of model.safetensors. The first byte of
// an input says which of them the rest is; the other one is good.

#include "../model/moe/wdmoe-safetensors.h"
#include "../model/moe/wdmoe-transformer.h"
#include "wdmoe-fuzz.h"

#include <filesystem>
#include <fstream>

namespace
{

/// A folder with both files
class Folder
{
  public:
    Folder()
        : m_path(std::filesystem::temp_directory_path() /
                 ("wdmoe-fuzz-" + std::to_string(getpid())))
    {
        std::filesystem::create_directories(m_path);
        Link("config.json", m_config);
        Link("model.safetensors", m_tensors);
    }

    ~Folder()
    {
        std::filesystem::remove_all(m_path);
    }

    /// @param config the input is this file, else the other @param data of it @param size bytes
    const std::filesystem::path& Write(bool config, const uint8_t* data, std::size_t size)
    {
        (config ? m_config : m_tensors).Write(data, size);
        return m_path;
    }

  private:
    /// @param name of a file that is @param file in memory
    void Link(const char* name, WdmoeFuzzFile& file)
    {
        std::filesystem::remove(m_path / name);
        std::filesystem::create_symlink(file.Write(nullptr, 0), m_path / name);
    }

    std::filesystem::path m_path;                 ///< of the folder
    WdmoeFuzzFile m_config{"config.json"};        ///< one file
    WdmoeFuzzFile m_tensors{"model.safetensors"}; ///< the other
};

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static Folder folder;
    if (size == 0)
    {
        return 0;
    }
    const bool config = data[0] == 'c';
    const auto& path = folder.Write(config, data + 1, size - 1);
    try
    {
        if (config)
        {
            const auto read = wdmoe::Transformer::ReadConfig(path.string());
            WdmoeFuzzCheck(read.topK >= 1 && read.topK <= read.experts && read.blocks >= 1,
                           "sizes of an accepted configuration");
        }
        else
        {
            const wdmoe::TensorFolder tensors(path.string());
            for (const auto& [name, tensor] : tensors.Tensors())
            {
                WdmoeFuzzCheck(tensor.offset + tensor.bytes <= size - 1, "tensors are in the file");
            }
        }
    }
    catch (const wdmoe::CheckpointError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
