package bootstrap

import (
	"fmt"
	"strings"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	// dataFile is where the instance keeps the fetched data.
	dataFile = "/etc/secret-userdata.txt"
	boundary = "capa-apiserver-bootstrap"
)

// Fetch says where an instance finds its bootstrap data.
type Fetch struct {
	Backend infrav1.SecretBackend
	// Prefix and Parts are what the secrets are called, and how many there are.
	Prefix string
	Parts  int
	Region string
}

// UserData returns user data that makes cloud-init fetch the bootstrap data. It is
// a MIME message of two parts: a boot hook, which writes the data into a file and
// has cloud-init begin anew, and the inclusion of that file. In the first run the
// file isn't there and the inclusion is passed over; in the second it is.
func (f Fetch) UserData() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=%q\n\n", boundary)
	part := func(kind, name, body string) {
		fmt.Fprintf(&b, "--%s\nContent-Type: %s; charset=\"us-ascii\"\nMIME-Version: 1.0\nContent-Transfer-Encoding: 7bit\n"+
			"Content-Disposition: attachment; filename=%q\n\n%s\n", boundary, kind, name, body)
	}
	part("text/cloud-boothook", "boothook.sh", f.script())
	part("text/x-include-url", "include.txt", "file://"+dataFile)
	fmt.Fprintf(&b, "--%s--\n", boundary)
	return []byte(b.String())
}

func (f Fetch) script() string {
	get := `aws secretsmanager get-secret-value --region "$region" --secret-id "$prefix-$1" --query SecretBinary --output text | base64 -d`
	remove := `aws secretsmanager delete-secret --region "$region" --secret-id "$prefix-$1" --force-delete-without-recovery`
	join := `cat`
	if f.Backend == infrav1.SecretBackendSSMParameterStore {
		get = `aws ssm get-parameter --region "$region" --name "$prefix/$1" --with-decryption --query Parameter.Value --output text | tr -d '\n'`
		remove = `aws ssm delete-parameter --region "$region" --name "$prefix/$1"`
		join = `base64 -d`
	}
	return strings.NewReplacer(
		"@FILE@", dataFile, "@PREFIX@", f.Prefix, "@LAST@", fmt.Sprint(f.Parts-1), "@REGION@", f.Region,
		"@GET@", get, "@REMOVE@", remove, "@JOIN@", join,
	).Replace(scriptText)
}

// scriptText fetches all parts or none: a file that is there is complete. It
// tries for about ten minutes, because the instance profile's permissions and the
// network may come up later than the instance. Once it has the data it takes it
// out of AWS, which needs it no longer; the controller does the same later.
const scriptText = `#!/bin/bash
# Fetches the bootstrap data of this machine, once.
set -o errexit -o nounset -o pipefail
umask 077
export PATH="$PATH:/usr/local/bin:/opt/bin"
file=@FILE@
prefix='@PREFIX@'
last=@LAST@
region='@REGION@'

say() { echo "bootstrap data: $*" >&2; }

if [ -s "$file" ]; then
  say "is here already"
  exit 0
fi

get() { @GET@; }
remove() { @REMOVE@; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in $(seq 0 "$last"); do
  try=0
  until get "$part" >"$work/part"; do
    try=$((try + 1))
    if [ "$try" -ge 60 ]; then
      say "can't read part $part of $prefix in $region; does the instance profile allow it, and is there a way to the service?"
      exit 1
    fi
    sleep 10
  done
  cat "$work/part" >>"$work/all"
done
@JOIN@ <"$work/all" >"$work/data"
if gzip -t "$work/data" 2>/dev/null; then
  gzip -dc <"$work/data" >"$work/plain"
else
  cp "$work/data" "$work/plain"
fi
mv "$work/plain" "$file"
for part in $(seq 0 "$last"); do
  remove "$part" >/dev/null || say "part $part stays in AWS until the controller removes it"
done

say "written to $file; cloud-init begins anew to include it"
for unit in cloud-init.service cloud-init-network.service; do
  if systemctl cat "$unit" >/dev/null 2>&1; then
    systemctl restart --no-block "$unit"
    break
  fi
done
`
