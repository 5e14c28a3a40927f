import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # reference_model, helpers
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
