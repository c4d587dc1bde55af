"""The doctor's findings: read from files that look like the system's, printed as table and JSON."""

import json

import pytest

from gptengine import _core, doctor


def test_memory(tmp_path):
    path = tmp_path / "meminfo"
    assert doctor.memory(path) == {}
    path.write_text("MemTotal:       16777216 kB\nMemAvailable:    8388608 kB\n")
    assert doctor.memory(path) == {"memory GiB": 16.0, "memory available GiB": 8.0}


@pytest.mark.parametrize("seconds", [0, -1, 61, float("nan")])
def test_seconds_have_a_range(seconds):
    with pytest.raises(ValueError, match=f"seconds {seconds} must be"):
        doctor.DoctorConfig(seconds=seconds)


def test_findings_as_json_and_as_table(capsys):
    doctor.main(doctor.DoctorConfig(json=True, seconds=0.01))
    findings = json.loads(capsys.readouterr().out)
    engine = findings["engine"]
    assert engine["instruction set"] in engine["available"] == _core.isas()
    assert 1 <= engine["threads"]
    assert all(value > 0 for value in findings["measured peaks"].values())
    assert findings["versions"]["compiler"] == _core.compiler
    doctor.show(findings)
    table = capsys.readouterr().out
    for section in findings:
        assert section in table
    assert engine["instruction set"] in table
