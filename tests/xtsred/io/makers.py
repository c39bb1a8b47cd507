"""Files of every format from the same numbers, written by the formats' layouts and not by the readers' code."""

import io
import struct
import zipfile

import numpy as np

START, STEP, POINTS, SECONDS = 10.0, 0.05, 60, 2.5


def counts(seed: int = 0, points: int = POINTS) -> np.ndarray:
    """Whole numbers with a slope and a peak."""
    x = np.arange(points)
    mean = 400 + 3 * x + 500 * np.exp(-(((x - points / 2) / 4) ** 2))
    return np.random.default_rng(seed).poisson(mean)


def angles(points: int = POINTS) -> np.ndarray:
    """START + i STEP."""
    return START + STEP * np.arange(points)


def raw1(*ranges: np.ndarray, repeat_magic: bool = True) -> bytes:
    """Bruker RAW v1."""
    out = b""
    for i, y in enumerate(ranges):
        head = bytearray(156)
        head[0:4] = b"RAW "
        struct.pack_into("<IffI", head, 4, y.size, SECONDS, STEP, 0)
        struct.pack_into("<4f", head, 24, START, -1e6, -1e6, -1e6)
        head[40:72] = b"a glass".ljust(32)
        struct.pack_into("<2f", head, 72, 1.5406, 1.54439)
        struct.pack_into("<I", head, 152, int(i + 1 < len(ranges)))
        kept = bytes(head) if i == 0 or repeat_magic else bytes(head[4:])
        out += kept + y.astype("<f4").tobytes()
    return out


def raw2(*ranges: np.ndarray) -> bytes:
    """Bruker RAW v2."""
    head = bytearray(256)
    head[0:4] = b"RAW2"
    struct.pack_into("<H", head, 4, len(ranges))
    head[8:40] = b"a glass".ljust(32)
    head[188:190] = b"Mo"
    struct.pack_into("<3f", head, 190, 0.70932, 0.71361, 0.52)
    out = bytes(head)
    for y in ranges:
        part = bytearray(60)
        struct.pack_into("<HH", part, 0, 60, y.size)
        struct.pack_into("<3f", part, 8, SECONDS, STEP, START)
        out += bytes(part) + y.astype("<f4").tobytes()
    return out


def raw3(*ranges: np.ndarray, varying: int = 0, extra: int = 0, scan_type: int = 0) -> bytes:
    """Bruker RAW v3 (RAW1.01)."""
    head = bytearray(712)
    head[0:7] = b"RAW1.01"
    struct.pack_into("<II", head, 8, 1, len(ranges))
    head[16:26] = b"01/02/2026"
    head[326:333] = b"a glass"
    head[608:610] = b"Mo"
    struct.pack_into("<5d", head, 616, 0.71073, 0.70932, 0.71361, 0.63229, 0.5)
    out = bytes(head)
    record = 4 + 8 * varying.bit_count()
    for y in ranges:
        part = bytearray(304)
        struct.pack_into("<II", part, 0, 304, y.size)
        struct.pack_into("<dd", part, 8, START / 2, START)
        struct.pack_into("<d", part, 176, STEP)
        struct.pack_into("<fI", part, 192, SECONDS, scan_type)
        struct.pack_into("<II", part, 224, 50, 40)
        struct.pack_into("<d", part, 240, 0.70932)
        struct.pack_into("<III", part, 248, varying, record, extra)
        rows = b"".join(struct.pack("<f", v).ljust(record, b"\1") for v in y)
        out += bytes(part) + b"\2" * extra + rows
    return out


def raw4(
    *ranges: np.ndarray, size: int = 4, scan_type: bytes = b"Locked Coupled", left: int = 0
) -> bytes:
    """Bruker RAW v4 (RAW4.00); left: points planned and not measured."""
    head = bytearray(61)
    head[0:7] = b"RAW4.00"
    head[12:22] = b"01/02/2026"
    sample = b"a glass"
    info = struct.pack("<III", 10, 36 + len(sample), 0) + b"SAMPLEID".ljust(24, b"\0") + sample
    source = bytearray(136)
    struct.pack_into("<II", source, 0, 30, 136)
    struct.pack_into("<5d", source, 72, 0.71073, 0.70932, 0.71361, 0.63229, 0.5)
    source[116:118] = b"Mo"
    out = bytes(head) + info + bytes(source)
    for y in ranges:
        drive = bytearray(92)
        struct.pack_into("<III", drive, 0, 50, 92, 2)
        drive[12:18] = b"2Theta"
        struct.pack_into("<d", drive, 56, START)
        part = bytearray(160)
        struct.pack_into("<III", part, 0, 0, y.size, y.size - left)
        part[32 : 32 + len(scan_type)] = scan_type
        struct.pack_into("<ddIf", part, 72, START, STEP, y.size, SECONDS)
        struct.pack_into("<ff", part, 100, 50.0, 40.0)
        struct.pack_into("<d", part, 112, 0.70932)
        struct.pack_into("<II", part, 136, size, len(drive))
        rows = b"".join(struct.pack("<f", v).ljust(size, b"\1") for v in y)
        out += bytes(part) + bytes(drive) + rows
    return out


def stoe(y: np.ndarray) -> bytes:
    """STOE raw: a file header of two blocks, a range header, intensities."""
    blocks = -(-4 * y.size // 512)
    head = bytearray(3 * 512)
    head[0:14] = b"RAW_1.06Powdat"
    head[0x10:0x20] = b"01-Feb-26 10:00 "
    head[0x20:0x28] = b"a glass\0"
    struct.pack_into("<2f", head, 0x142, 0.70930, 0.71359)
    struct.pack_into("<H", head, 0x1D2, y.size + 1)
    struct.pack_into("<HH", head, 0x1DA, blocks, 3 + blocks)
    at = len(head)
    struct.pack_into("<H", head, at - 0x1DE, y.size)
    end = START + STEP * (y.size - 1)
    struct.pack_into("<6f", head, at - 0x1D4, START, START / 2, end, end / 2, STEP, STEP / 2)
    struct.pack_into("<2I", head, at - 0x188, int(y.min()), int(y.max()))
    return bytes(head) + y.astype("<u4").tobytes().ljust(blocks * 512, b"\0")


def zipped(members: dict[str, str]) -> bytes:
    """A ZIP of texts with a fixed date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def brml_part(y: np.ndarray, *, absorber: np.ndarray | None = None, axis: str = "TwoTheta") -> str:
    """One RawData part."""
    factor = np.ones(y.size) if absorber is None else absorber
    rows = "".join(
        f"<Datum>{SECONDS},{f:.10g},{a:.9g},{a / 2:.9g},{v * f:.10g}</Datum>"
        for f, a, v in zip(factor, angles(y.size), y, strict=True)
    )
    return f"""<?xml version="1.0"?>
<RawData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><TimeStampStarted>2026-02-01T10:00:00</TimeStampStarted>
<DataRoutes><DataRoute RouteFlag="Measured" ProcLevel="0"><ScanInformation ScanName="LockedCoupled">
<MeasurementPoints>{y.size}</MeasurementPoints><TimePerStep>0.0130208</TimePerStep><ScanMode>PsdFastScan</ScanMode>
<ScanAxes><ScanAxisInfo AxisId="{axis}"/><ScanAxisInfo AxisId="Theta"/></ScanAxes></ScanInformation>
<SubScans><SubScanInfo Steps="{y.size}" MeasuredSteps="{y.size}"/></SubScans>{rows}
<DataViews><RawDataView xsi:type="FixedRawDataView" Start="0" Length="1" LogicName="MeasuredTime"/>
<RawDataView xsi:type="FixedRawDataView" Start="1" Length="1" LogicName="AbsorptionFactor"/>
<RawDataView xsi:type="VaryingRawDataView" Start="2" Length="2"><Varying><FieldDefinitions AxisId="{axis}"/>
<FieldDefinitions AxisId="Theta"/></Varying></RawDataView>
<RawDataView xsi:type="RecordedRawDataView" Start="4" Length="1"><Recording VisibleName="counter"/></RawDataView></DataViews>
</DataRoute></DataRoutes><FixedInformation><Tube><WaveLengthAlpha1 Unit="A" Value="0.70932"/>
<WaveLengthAlpha2 Unit="A" Value="0.71361"/><WaveLengthRatio Value="0.5"/><TubeMaterial>Mo</TubeMaterial></Tube>
</FixedInformation></RawData>"""


def brml(*ranges: np.ndarray, absorber: np.ndarray | None = None) -> bytes:
    """Bruker brml."""
    members = {"experimentCollection.xml": "<ExperimentCollection/>"}
    members["Experiment0/DataContainer.xml"] = (
        "<DataContainer><RawDataReferenceList>"
        + "".join(f"<string>Experiment0/RawData{i}.xml</string>" for i in range(len(ranges)))
        + '</RawDataReferenceList><MeasurementInfo SampleName="a glass"/></DataContainer>'
    )
    for i, y in enumerate(ranges):
        members[f"Experiment0/RawData{i}.xml"] = brml_part(y, absorber=absorber)
    return zipped(members)


def xrdml(
    *ranges: np.ndarray,
    element: str = "counts",
    factors: np.ndarray | None = None,
    version: str = "2.0",
) -> bytes:
    """PANalytical xrdml."""
    scans = ""
    for y in ranges:
        listed = " ".join(map(str, y if factors is None or element == "counts" else y * factors))
        attenuation = (
            ""
            if factors is None
            else f"<beamAttenuationFactors>{' '.join(map(str, factors))}</beamAttenuationFactors>"
        )
        scans += f"""<scan scanAxis="Gonio" mode="Continuous" status="Completed"><header><startTimeStamp>2026-02-01T10:00:00</startTimeStamp></header>
<dataPoints><positions axis="2Theta" unit="deg"><startPosition>{START}</startPosition><endPosition>{angles(y.size)[-1]:.4f}</endPosition></positions>
<positions axis="Omega" unit="deg"><commonPosition>1.0</commonPosition></positions>{attenuation}
<commonCountingTime unit="seconds">{SECONDS}</commonCountingTime><{element} unit="counts">{listed}</{element}></dataPoints></scan>"""
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/{version}" status="Completed"><sample type="To be analyzed"><id>a glass</id></sample>
<xrdMeasurement measurementType="Scan"><usedWavelength intended="K-Alpha"><kAlpha1 unit="Angstrom">0.7093190</kAlpha1>
<kAlpha2 unit="Angstrom">0.7136090</kAlpha2><ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1></usedWavelength>
<incidentBeamPath><xRayTube name="tube"><tension unit="kV">50</tension><current unit="mA">40</current><anodeMaterial>Mo</anodeMaterial></xRayTube></incidentBeamPath>
{scans}</xrdMeasurement></xrdMeasurements>"""
    return text.encode()


def ras(*ranges: np.ndarray, factors: np.ndarray | None = None, unit: str = "counts") -> bytes:
    """Rigaku ras; step scans of SECONDS."""
    out = "*RAS_DATA_START\r\n"
    for y in ranges:
        x = angles(y.size)
        factor = np.ones(y.size) if factors is None else factors
        facts = {
            "FILE_SAMPLE": "a glass",
            "HW_XG_TARGET_NAME": "Mo",
            "HW_XG_WAVE_LENGTH_ALPHA1": "0.709300",
            "HW_XG_WAVE_LENGTH_ALPHA2": "0.713590",
            "MEAS_COND_XG_WAVE_TYPE": "Ka",
            "MEAS_SCAN_AXIS_X_INTERNAL": "TwoThetaTheta",
            "MEAS_SCAN_MODE": "STEP",
            "MEAS_SCAN_SPEED": str(SECONDS),
            "MEAS_SCAN_SPEED_UNIT": "sec",
            "MEAS_SCAN_START": f"{x[0]:.4f}",
            "MEAS_SCAN_STOP": f"{x[-1]:.4f}",
            "MEAS_SCAN_STEP": str(STEP),
            "MEAS_SCAN_UNIT_Y": unit,
        }
        out += "*RAS_HEADER_START\r\n" + "".join(f'*{k} "{v}"\r\n' for k, v in facts.items())
        out += "*RAS_HEADER_END\r\n*RAS_INT_START\r\n"
        shown = y / SECONDS if unit == "cps" else y
        out += "".join(
            f"{a:.4f} {v:.4f} {f:.4f}\r\n" for a, v, f in zip(x, shown, factor, strict=True)
        )
        out += "*RAS_INT_END\r\n"
    return (out + "*RAS_DATA_END\r\n").encode("shift_jis")


def rasx(*ranges: np.ndarray) -> bytes:
    """Rigaku rasx; continuous scans whose speed gives SECONDS."""
    members = {}
    for i, y in enumerate(ranges):
        x = angles(y.size)
        rows = "".join(f"{a:.4f}\t{v}\t1\r\n" for a, v in zip(x, y, strict=True))
        members[f"Data{i}/Profile0.txt"] = "\ufeff" + rows
        members[
            f"Data{i}/MesurementConditions0.xml"
        ] = f"""<?xml version="1.0" encoding="utf-8"?><MeasurementConditions>
<GeneralInformation><SampleName>a glass</SampleName></GeneralInformation><HWConfigurations><XrayGenerator><TargetName>Mo</TargetName>
<WaveType>Ka</WaveType><WavelengthKalpha1>0.7093</WavelengthKalpha1><WavelengthKalpha2>0.71359</WavelengthKalpha2></XrayGenerator></HWConfigurations>
<ScanInformation><AxisName>TwoThetaTheta</AxisName><Mode>CONTINUOUS</Mode><Start>{x[0]:.4f}</Start><Stop>{x[-1]:.4f}</Stop><Step>{STEP}</Step>
<Speed>{60 * STEP / SECONDS}</Speed><SpeedUnit>deg/min</SpeedUnit><IntensityUnit>counts</IntensityUnit><DataCount>{y.size}</DataCount></ScanInformation></MeasurementConditions>"""
    return zipped(members)


def asc(*ranges: np.ndarray, unit: str = "counts") -> bytes:
    """Rigaku asc; continuous scans whose speed gives SECONDS."""
    out = "*TYPE\t\t=  Raw\r\n*SAMPLE\t\t=  a glass\r\n*TARGET\t\t=  42\r\n*WAVE_LENGTH1\t=  0.70930\r\n*WAVE_LENGTH2\t=  0.71359\r\n"
    out += f"*SCAN_AXIS\t=  2theta/theta\r\n*SCAN_MODE\t=  Continuous Scanning\r\n*YUNIT\t\t=  {unit}\r\n"
    for i, y in enumerate(ranges):
        out += f"*BEGIN\r\n*GROUP\t=  {i}\r\n*START\t=  {START}\r\n*STOP\t=  {angles(y.size)[-1]:.4f}\r\n*STEP\t=  {STEP}\r\n"
        out += f"*SPEED\t=  {60 * STEP / SECONDS}\r\n*SPEED_UNIT\t=  deg./min.\r\n*COUNT\t=  {y.size}\r\n"
        shown = [f"{v / SECONDS:.4f}" if unit == "cps" else str(v) for v in y]
        out += (
            "".join(", ".join(shown[k : k + 4]) + "\r\n" for k in range(0, y.size, 4)) + "*END\r\n"
        )
    return (out + "*EOF\r\n").encode()


def uxd(*ranges: np.ndarray, block: str = "_COUNTS") -> bytes:
    """Bruker uxd."""
    out = "; written by hand\r\n_FILEVERSION=2\r\n_SAMPLE='a glass'\r\n_WL_UNIT='A'\r\n_WL1=0.709320\r\n_WL2=0.713610\r\n_WLRATIO=0.5\r\n_ANODE='Mo'\r\n"
    for i, y in enumerate(ranges):
        out += f"; (Data for Range number {i + 1})\r\n_DRIVE='COUPLED'\r\n_STEPTIME={SECONDS}\r\n_STEPSIZE={STEP}\r\n_STEPCOUNT={y.size}\r\n_START={START}\r\n{block}\r\n"
        shown = [f"{v / SECONDS:.4f}" if "CPS" in block else str(v) for v in y]
        if block.startswith("_2"):
            out += "".join(f"{a:.3f}\t{v}\r\n" for a, v in zip(angles(y.size), shown, strict=True))
        else:
            out += "".join(" ".join(shown[k : k + 8]) + "\r\n" for k in range(0, y.size, 8))
    return out.encode()


def fxye(*ranges: np.ndarray) -> bytes:
    """GSAS FXYE."""
    out = "a glass".ljust(80) + "\r\n"
    for i, y in enumerate(ranges):
        out += (
            f"BANK {i + 1} {y.size} {y.size} CONS {START * 100:.1f} {STEP * 100:.2f} 0 0 FXYE".ljust(
                80
            )
            + "\r\n"
        )
        out += "".join(
            f"{100 * a:12.4f} {v:10.1f} {np.sqrt(v):10.4f}\r\n"
            for a, v in zip(angles(y.size), y, strict=True)
        )
    return out.encode()


def chi(y: np.ndarray, axis: str = "2-Theta Angle (Degrees)") -> bytes:
    """FIT2D chi."""
    rows = "".join(f" {a:.7E}  {v:.7E}\n" for a, v in zip(angles(y.size), y, strict=True))
    return f"a glass\n {axis}\n Intensity\n      {y.size}\n{rows}".encode()


def highscore(y: np.ndarray) -> bytes:
    """PANalytical csv."""
    rows = "".join(f"{a:.4f},{v}\r\n" for a, v in zip(angles(y.size), y, strict=True))
    return f"""[Measurement conditions]\r
Sample identification,a glass\r
Anode material,Mo\r
K-Alpha1 wavelength,0.709319\r
K-Alpha2 wavelength,0.713609\r
Ratio K-Alpha2/K-Alpha1,0.5\r
Generator voltage,50\r
Scan axis,Gonio\r
Scan range,{START:.4f},{angles(y.size)[-1]:.4f}\r
No. of points,{y.size}\r
Time per step,{SECONDS}\r
[Scan points]\r
Angle,Intensity\r
{rows}""".encode()


def xy(y: np.ndarray) -> bytes:
    """Two columns."""
    return "".join(f"{a:.4f} {v}\n" for a, v in zip(angles(y.size), y, strict=True)).encode()


def everything() -> dict[str, bytes]:
    """File name -> content, one or more of every format, with one range and with several."""
    y, z = counts(0), counts(1, 40)
    return {
        "one.v1.raw": raw1(y),
        "two.v1.raw": raw1(y, z),
        "old.v1.raw": raw1(y, z, repeat_magic=False),
        "one.v2.raw": raw2(y),
        "two.v2.raw": raw2(y, z),
        "one.v3.raw": raw3(y),
        "two.v3.raw": raw3(y, z, varying=5, extra=24),
        "one.v4.raw": raw4(y),
        "two.v4.raw": raw4(y, z, size=8),
        "stoe.raw": stoe(y),
        "one.brml": brml(y),
        "two.brml": brml(y, z),
        "one.xrdml": xrdml(y),
        "old.xrdml": xrdml(y, z, element="intensities", version="1.0"),
        "one.ras": ras(y),
        "two.ras": ras(y, z),
        "one.rasx": rasx(y),
        "two.rasx": rasx(y, z),
        "one.asc": asc(y),
        "two.asc": asc(y, z),
        "one.uxd": uxd(y),
        "two.uxd": uxd(y, z, block="_2THETACOUNTS"),
        "one.fxye": fxye(y),
        "two.fxye": fxye(y, z),
        "one.chi": chi(y),
        "highscore.csv": highscore(y),
        "one.xy": xy(y),
    }
