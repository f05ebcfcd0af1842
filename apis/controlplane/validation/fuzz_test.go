package validation

import "testing"

func FuzzManifests(f *testing.F) { bench().FuzzManifests(f) }

func FuzzObjects(f *testing.F) { bench().FuzzObjects(f) }
