"""From a GGUF to a folder that vLLM loads; run by the Python that vLLM is installed in, which has transformers and gguf.

python dequantise.py smollm2.gguf FOLDER    ->  FOLDER/config.json, FOLDER/model.safetensors, FOLDER/tokenizer.json, …
"""

import shutil
import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def main() -> None:
    """Writes the model and its tokenizer, beside the folder first: one that is there is whole."""
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    beside = folder.with_suffix(".part")
    shutil.rmtree(beside, ignore_errors=True)
    source = {"gguf_file": file.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, quantization_config=GgufConfig(dequantize=True), **source
    )
    # its weights are plain numbers by now; transformers 5 refuses to save whatever once came from a GGUF
    model.hf_quantizer = None
    model.save_pretrained(beside)
    AutoTokenizer.from_pretrained(file.parent, **source).save_pretrained(beside)
    beside.rename(folder)


if __name__ == "__main__":
    main()
