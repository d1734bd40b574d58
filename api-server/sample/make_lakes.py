"""Makes the sample data set, lakes.parquet, and a picture of each month: `python make_lakes.py` with pyarrow 26 installed.

Areas and depths are rounded public facts; the monthly surface temperatures are a model (a wave over the year whose mean
and amplitude follow from latitude and altitude), made up for this sample. The output is the same each time.
"""

import math
import pathlib

import pyarrow as pa
import pyarrow.parquet

# Name, country, latitude, altitude in m, area in km², greatest depth in m.
LAKES = [
    ("Caspian Sea", "Kazakhstan", 41.9, -28, 371000, 1025),
    ("Superior", "United States", 47.7, 183, 82100, 406),
    ("Victoria", "Tanzania", -1.0, 1134, 59940, 81),
    ("Huron", "Canada", 44.8, 176, 59600, 229),
    ("Michigan", "United States", 44.0, 176, 58000, 281),
    ("Tanganyika", "Tanzania", -6.1, 773, 32900, 1470),
    ("Baikal", "Russia", 53.5, 455, 31722, 1642),
    ("Great Bear", "Canada", 66.0, 156, 31153, 446),
    ("Malawi", "Malawi", -12.0, 474, 29600, 706),
    ("Great Slave", "Canada", 61.7, 156, 27200, 614),
    ("Erie", "United States", 42.2, 173, 25700, 64),
    ("Winnipeg", "Canada", 52.1, 217, 24514, 36),
    ("Ontario", "Canada", 43.7, 74, 18960, 244),
    ("Ladoga", "Russia", 60.8, 5, 17700, 230),
    ("Onega", "Russia", 61.5, 33, 9700, 127),
    ("Titicaca", "Peru", -15.8, 3812, 8372, 281),
    ("Nicaragua", "Nicaragua", 11.6, 33, 8264, 26),
    ("Athabasca", "Canada", 59.2, 213, 7850, 124),
    ("Turkana", "Kenya", 3.6, 360, 6405, 109),
    ("Issyk-Kul", "Kyrgyzstan", 42.4, 1607, 6236, 668),
    ("Vänern", "Sweden", 58.9, 44, 5650, 106),
    ("Van", "Turkey", 38.6, 1640, 3755, 451),
    ("Peipus", "Estonia", 58.7, 30, 3555, 15),
    ("Tana", "Ethiopia", 12.0, 1788, 3200, 15),
    ("Saimaa", "Finland", 61.3, 76, 4400, 85),
    ("Vättern", "Sweden", 58.3, 88, 1893, 128),
    ("Malaren", "Sweden", 59.5, 1, 1140, 66),
    ("Inari", "Finland", 69.0, 118, 1040, 92),
    ("Balaton", "Hungary", 46.8, 104, 592, 12),
    ("Geneva", "Switzerland", 46.4, 372, 580, 310),
    ("Constance", "Germany", 47.6, 395, 536, 251),
    ("Garda", "Italy", 45.6, 65, 370, 346),
    ("Ohrid", "North Macedonia", 41.0, 693, 358, 288),
    ("Neuchâtel", "Switzerland", 46.9, 429, 218, 152),
    ("Maggiore", "Italy", 46.1, 193, 213, 372),
    ("Como", "Italy", 46.0, 198, 146, 425),
    ("Lucerne", "Switzerland", 47.0, 434, 114, 214),
    ("Zurich", "Switzerland", 47.3, 406, 88, 136),
    ("Chiem", "Germany", 47.9, 518, 80, 73),
    ("Loch Ness", "United Kingdom", 57.3, 16, 56, 230),
    ("Windermere", "United Kingdom", 54.4, 39, 15, 64),
    ("Bled", "Slovenia", 46.4, 475, 1, 30),
    ("Biwa", "Japan", 35.3, 85, 670, 104),
    ("Qinghai", "China", 36.9, 3196, 4489, 32),
    ("Dian", "China", 24.8, 1886, 298, 11),
    ("Toba", "Indonesia", 2.6, 905, 1130, 505),
    ("Taupo", "New Zealand", -38.8, 356, 616, 186),
    ("Te Anau", "New Zealand", -45.2, 203, 344, 417),
    ("Wakatipu", "New Zealand", -45.1, 310, 291, 380),
    ("Eyre", "Australia", -28.4, -15, 9500, 6),
    ("Tahoe", "United States", 39.1, 1897, 490, 501),
    ("Crater", "United States", 42.9, 1883, 53, 594),
    ("Great Salt", "United States", 41.2, 1280, 4400, 10),
    ("Okeechobee", "United States", 26.9, 4, 1900, 4),
    ("Champlain", "United States", 44.5, 29, 1269, 122),
    ("Atitlán", "Guatemala", 14.7, 1562, 130, 340),
    ("Maracaibo", "Venezuela", 9.8, 0, 13210, 60),
    ("Argentino", "Argentina", -50.2, 187, 1466, 500),
    ("Nahuel Huapi", "Argentina", -41.0, 764, 530, 464),
    ("Kivu", "Rwanda", -2.0, 1463, 2700, 475),
    ("Kariba", "Zambia", -17.0, 485, 5580, 97),
    ("Chad", "Chad", 13.0, 278, 1540, 10),
]


def temperature(latitude: float, altitude: int, depth: int, month: int) -> float:
    """The model: colder towards the poles and upwards, a smaller wave in deep and tropical lakes, never below ice."""
    mean = 29.0 - 0.42 * abs(latitude) - altitude * 0.0045
    wave = abs(latitude) * 0.25 / (1 + depth / 800)
    warmest = 8 if latitude >= 0 else 2
    return round(max(0.0, mean + wave * math.cos((month - warmest) * math.pi / 6)), 1)


rows = [
    (name, country, latitude, altitude, float(area), depth, month, temperature(latitude, altitude, depth, month))
    for name, country, latitude, altitude, area, depth in LAKES
    for month in range(1, 13)
]
names = ["name", "country", "latitude", "altitude_m", "area_km2", "depth_max_m", "month", "surface_celsius"]
types = [pa.string(), pa.string(), pa.float64(), pa.int32(), pa.float64(), pa.int32(), pa.int32(), pa.float64()]
columns = [pa.array(column, type) for column, type in zip(zip(*rows), types)]
target = pathlib.Path(__file__).with_name("lakes.parquet")
pyarrow.parquet.write_table(pa.table(columns, names), target, compression="zstd", row_group_size=240)


def picture(month: int) -> str:
    """The month's temperatures by latitude, as SVG: from south on the left to north on the right."""
    points = [(latitude, temperature(latitude, altitude, depth, month)) for _, _, latitude, altitude, _, depth in LAKES]
    circles = [f'<circle cx="{4 * (latitude + 60):.0f}" cy="{200 - 5 * celsius:.0f}" r="4"/>' for latitude, celsius in points]
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 220" fill="steelblue" fill-opacity="0.6">'
    title = f"<title>Surface temperatures of lakes in month {month}, by latitude</title>"
    axis = '<path d="M0 200H560" stroke="gray"/>'
    return "\n".join([head, title, axis, *circles, "</svg>", ""])


images = pathlib.Path(__file__).with_name("images")
images.mkdir(exist_ok=True)
for month in range(1, 13):
    images.joinpath(f"surface-{month:02}.svg").write_text(picture(month))
