package v2beta1

import "regexp"

var subnetID = regexp.MustCompile(`^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`)

// IsSubnetID tells whether an id is one of AWS's, and not a name of the user's choice that
// looks like it, such as subnet-zone-1-private.
func IsSubnetID(id string) bool { return subnetID.MatchString(id) }
