"""The page of a curation: accounts, reasons, rules with their values, samples."""


def page_of(report: dict) -> str:
    return str(report)
