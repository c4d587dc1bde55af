"""Pictures and pages made from what a run left behind; knows files only."""
