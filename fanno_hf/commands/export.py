"""`stage=export`: the final pairs as JSON lines, in the shape that a trainer reads (see `output/exports.py`)."""

from contextlib import closing

from fanno_hf.output.exports import write_export
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.place import run_folder
from fanno_hf.settings import Settings


def export(settings: Settings) -> str:
    """Writes the final pairs as JSON lines and says where; raises UserError where there are none."""
    with closing(RunFolder(run_folder(settings.run))) as folder:
        path = write_export(folder, settings.export.format)
        folder.write_manifest()
        return f"wrote {path}"
