/**
 * The entropy blocks of other tools, so that ENT's cells can be laid beside their curves: the length of a block follows
 * from the length of the whole file, whatever range of it is asked about. Pure.
 *
 * ENT's blocks lie on multiples of that length from offset 0, the last one as long as the file has it. So do the tools'
 * but for two things: ImHex leaves out the file's last block (it counts to the last byte's offset, so a whole one too),
 * and binwalk 2 begins anew at each MiB, so that past the first MiB only blocks that divide it are the same, which are
 * those of 1024·2^k bytes up to 1 MiB. binwalk 2 and ImHex write h/8, unblob h/8 in percent.
 */

export const entropyPresets = ['binwalk2', 'binwalk3', 'imhex', 'unblob'] as const;
export type EntropyPreset = (typeof entropyPresets)[number];

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes in the tool's block of a file of so many bytes, at least 1: a value of ENT's parameter `block`. */
export function presetBlockBytes(preset: EntropyPreset, fileBytes: number): number {
  switch (preset) {
    // binwalk/modules/entropy.py: at most 2048 blocks of whole KiB.
    case 'binwalk2':
      return Math.max(KiB, Math.ceil(fileBytes / 2048 / KiB) * KiB);
    // src/entropy.rs from 3.1.1 on (3.1.0 had at most 40,960 blocks of at least 1 KiB): 2048 blocks and what is left.
    case 'binwalk3':
      return fileBytes < 2048 ? Math.max(1, fileBytes) : Math.floor(fileBytes / 2048);
    // data_information_sections.cpp: the default, whatever the file.
    case 'imhex':
      return 256;
    // unblob/processing.py, calculate_block_size: 80 blocks and what is left.
    case 'unblob':
      return Math.min(MiB, Math.max(KiB, Math.floor(fileBytes / 80)));
    default:
      return preset satisfies never;
  }
}
