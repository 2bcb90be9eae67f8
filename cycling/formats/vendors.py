"""What the text exports of several cyclers write in their header line.

Each dialect was written from files of the vendor's own software. Units that a header does
not write are those of the vendor's manual, and said in a finding.
"""

from cycling.formats.columns import Dialect, Usual

COUNTERS = {
    "charge capacity": Usual("charging_capacity_ah", "Ah"),
    "discharge capacity": Usual("discharging_capacity_ah", "Ah"),
    "charge energy": Usual("charging_energy_wh", "Wh"),
    "discharge energy": Usual("discharging_energy_wh", "Wh"),
}
# The columns of an Arbin database and its exports; the tables of a .res file are the same.
ARBIN = Dialect(
    words={
        "data point": "record_index",
        "date time": "unix_time_second",
        "datetime": "unix_time_second",
        "test time": Usual("test_time_second", "s"),
        "step time": Usual("step_time_second", "s"),
        "cycle index": "cycle_count",
        "step index": "step_id",
        "current": Usual("current_ampere", "A"),
        "voltage": Usual("voltage_volt", "V"),
        **COUNTERS,
        "internal resistance": Usual("dc_internal_resistance_ohm", "Ohm"),
        "acr": Usual("ac_internal_resistance_ohm", "Ohm"),
        "temperature": Usual("temperature_t1_celsius", "C"),
        "aux temperature 1": Usual("temperature_t1_celsius", "C"),
        "aux temperature 2": Usual("temperature_t2_celsius", "C"),
        "aux temperature 3": Usual("temperature_t3_celsius", "C"),
    },
    marks=frozenset({"step index", "cycle index", "charge capacity", "discharge capacity"}),
)
# batteryarchive.org: time series of many laboratories in one form, from Arbin's.
BATTERY_ARCHIVE = Dialect(
    words={
        "date time": "unix_time_second",
        "test time": "test_time_second",
        "cycle index": "cycle_count",
        "current": "current_ampere",
        "voltage": "voltage_volt",
        **{word: column for word, (column, _) in COUNTERS.items()},
        "environment temperature": "ambient_temperature_celsius",
        "cell temperature": "surface_temperature_celsius",
    },
    marks=frozenset({"cycle index", "charge capacity", "discharge capacity"}),
)
BASYTEC = Dialect(
    words={
        "time": "test_time_second",
        "dataset": "record_index",
        "t-step": "step_time_second",
        "line": "step_id",
        "command": "step_type",
        "cyc-count": "cycle_count",
        "u": "voltage_volt",
        "i": "current_ampere",
        "ah-step": Usual("step_cumulative_capacity_ah", "Ah"),
        "wh-step": Usual("step_cumulative_energy_wh", "Wh"),
        "t1": "temperature_t1_celsius",
        "t2": "temperature_t2_celsius",
        "t3": "temperature_t3_celsius",
    },
    marks=frozenset({"dataset", "t-step", "line", "command"}),
    # Basytec's plan says Pause where others say Rest.
    modes={"pause": "rest"},
)
PEC = Dialect(
    words={
        "total time": "test_time_second",
        "step time": "step_time_second",
        "step": "step_id",
        "cycle": "cycle_count",
        "instruction name": "step_type",
        "real time": "unix_time_second",
        "voltage": "voltage_volt",
        "current": "current_ampere",
        **{word: column for word, (column, _) in COUNTERS.items()},
        "temp": "surface_temperature_celsius",
        "station temperature": "ambient_temperature_celsius",
    },
    marks=frozenset({"rack", "shelf", "position", "instruction name"}),
)
NOVONIX = Dialect(
    words={
        "date and time": "unix_time_second",
        "cycle number": "cycle_count",
        "step number": "step_id",
        "run time": "test_time_second",
        "step time": "step_time_second",
        "current": "current_ampere",
        "potential": "voltage_volt",
        "voltage": "voltage_volt",
        "capacity": "step_cumulative_capacity_ah",
        "energy": "step_cumulative_energy_wh",
        "temperature": "ambient_temperature_celsius",
    },
    marks=frozenset({"date and time", "run time", "cycle number"}),
    moments=("%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d %I:%M:%S %p"),
)
LANDT = Dialect(
    words={
        "record": "record_index",
        "testtime": "test_time_second",
        "steptime": "step_time_second",
        "systime": "unix_time_second",
        "current": "current_ampere",
        "voltage": "voltage_volt",
        "capacity": "step_cumulative_capacity_ah",
        "energy": "step_cumulative_energy_wh",
        "cycle-index": "cycle_count",
        "step-index": "step_id",
        "step-state": "step_type",
    },
    marks=frozenset({"testtime", "steptime", "systime", "step-state"}),
    modes={
        "r": "rest",
        "c cc": "cc_charge",
        "d cc": "cc_discharge",
        "c_cc": "cc_charge",
        "d_cc": "cc_discharge",
        "c_cv": "cv_charge",
        "d_cv": "cv_discharge",
        "c_cccv": "cccv_charge",
        "d_cccv": "cccv_discharge",
        "c_rate": "cc_charge",
        "d_rate": "cc_discharge",
    },
)
# Voltaiq's exchange format; the second header line holds the units.
VDF = Dialect(
    words={
        "datapoint number": "record_index",
        "test time": "test_time_second",
        "timestamp": "unix_time_second",
        "current": "current_ampere",
        "potential": "voltage_volt",
        "voltage": "voltage_volt",
        "cycle number": "cycle_count",
        "step index": "step_id",
        "charge capacity": "charging_capacity_ah",
        "discharge capacity": "discharging_capacity_ah",
        "charge energy": "charging_energy_wh",
        "discharge energy": "discharging_energy_wh",
        "ambient temperature": "ambient_temperature_celsius",
    },
    marks=frozenset({"test time", "datapoint number"}),
)
_UNITS = {
    "test_time_second": {"s": "s", "sec": "s", "h": "h", "min": "min"},
    "step_time_second": {"s": "s", "sec": "s", "h": "h", "min": "min"},
    "current_ampere": {"a": "A", "ma": "mA"},
    "voltage_volt": {"v": "V", "mv": "mV"},
    "charging_capacity_ah": {"ah": "Ah", "mah": "mAh"},
    "discharging_capacity_ah": {"ah": "Ah", "mah": "mAh"},
    "charging_energy_wh": {"wh": "Wh", "mwh": "mWh"},
    "discharging_energy_wh": {"wh": "Wh", "mwh": "mWh"},
    "surface_temperature_celsius": {"c": "C", "degc": "C"},
    "temperature_t1_celsius": {"c": "C"},
    "temperature_t2_celsius": {"c": "C"},
    "temperature_t3_celsius": {"c": "C"},
}
_NAMES = {
    "test_time_second": ("test time", "time", "total time"),
    "step_time_second": ("step time",),
    "current_ampere": ("current", "i", "cur"),
    "voltage_volt": ("voltage", "potential", "cell voltage", "u", "e", "v", "ecell", "ewe"),
    "charging_capacity_ah": ("charge capacity",),
    "discharging_capacity_ah": ("discharge capacity",),
    "charging_energy_wh": ("charge energy",),
    "discharging_energy_wh": ("discharge energy",),
    "surface_temperature_celsius": ("cell temperature", "temperature"),
    "temperature_t1_celsius": ("temperature 1",),
    "temperature_t2_celsius": ("temperature 2",),
    "temperature_t3_celsius": ("temperature 3",),
}
# Any table whose header names its units, in brackets, after a slash or at the end of the
# word: ``Current (mA)``, ``I /mA``, ``Current_mA``.
LABELLED = Dialect(
    words={
        **{name: column for column, names in _NAMES.items() for name in names},
        **{
            f"{name} {ending}": (column, unit)
            for column, names in _NAMES.items()
            for name in names
            for ending, unit in _UNITS[column].items()
        },
        "amps": ("current_ampere", "A"),
        "mamps": ("current_ampere", "mA"),
        "volts": ("voltage_volt", "V"),
        "cycle index": "cycle_count",
        "cycle number": "cycle_count",
        "cycle": "cycle_count",
        "step index": "step_id",
        "step": "step_id",
        "step name": "step_type",
        "step type": "step_type",
        "date time iso string": "unix_time_second",
        "date time": "unix_time_second",
        "timestamp": "unix_time_second",
        "frequency hz": ("frequency_hertz", "Hz"),
        "z real ohm": ("real_impedance_ohm", "Ohm"),
        "z imag ohm": ("imaginary_impedance_ohm", "Ohm"),
    },
)
