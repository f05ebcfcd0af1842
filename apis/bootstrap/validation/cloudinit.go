package validation

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

// validateCloudInit judges what cloud-init is to do.
func validateCloudInit(c *bootstrapv1.CloudInit, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range c.Files {
		errs = append(errs, validateFile(&c.Files[i], at.Child("files").Index(i))...)
	}
	errs = append(errs, validateUsers(c.Users, at.Child("users"))...)
	errs = append(errs, validateDisks(c.DiskSetup, at.Child("diskSetup"))...)
	for i, m := range c.Mounts {
		errs = append(errs, validateMount(m, at.Child("mounts").Index(i))...)
	}
	if c.NTP != nil {
		for i, server := range c.NTP.Servers {
			if strings.ContainsFunc(server, unicode.IsSpace) || server == "" {
				errs = append(errs, field.Invalid(at.Child("ntp", "servers").Index(i), server, "must be the name or address of one server, such as 169.254.169.123"))
			}
		}
	}
	return errs
}

// cloudInitWarnings tell of what isn't wrong but likely not meant.
func cloudInitWarnings(c *bootstrapv1.CloudInit, at *field.Path) []string {
	var warnings []string
	first := map[string]int{}
	for i := range c.Files {
		f := &c.Files[i]
		if before, found := first[f.Path]; found && !f.Append {
			warnings = append(warnings, fmt.Sprintf("%s: replaces what item %d writes to the same file: set append: true, or remove one of the two", at.Child("files").Index(i), before))
		}
		first[f.Path] = i
	}
	for i := range c.Users {
		if c.Users[i].Passwd != nil {
			warnings = append(warnings, fmt.Sprintf("%s: whoever may read the object may read it: keep it in a Secret and write passwdFrom", at.Child("users").Index(i).Child("passwd")))
		}
	}
	return warnings
}

var (
	permissionsPattern = regexp.MustCompile(`^[0-7]{3,4}$`)
	ownerPattern       = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)
	userPattern        = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*\$?$`)
	keyPattern         = regexp.MustCompile(`(^|\s)(ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9-]+@openssh\.com) AAAA[A-Za-z0-9+/]+`)
)

func validateFile(f *bootstrapv1.File, at *field.Path) field.ErrorList {
	errs := validateAbsolute(&f.Path, at.Child("path"), "/etc/motd")
	if f.Permissions != "" && !permissionsPattern.MatchString(f.Permissions) {
		errs = append(errs, field.Invalid(at.Child("permissions"), f.Permissions, `must be an octal mode in quotes, such as "0640"`))
	}
	if f.Owner != "" && !ownerPattern.MatchString(f.Owner) {
		errs = append(errs, field.Invalid(at.Child("owner"), f.Owner, "must be a user, or a user and a group, such as root:root"))
	}
	if f.ContentFrom != nil {
		errs = append(errs, validateSource(f.ContentFrom, f.Content != "", "content", at.Child("contentFrom"))...)
		return errs // how the content is encoded shows when it is read
	}
	return append(errs, validateContent(f, at)...)
}

// validateContent holds content to its encoding. Bare gzip can't stand in a manifest.
func validateContent(f *bootstrapv1.File, at *field.Path) field.ErrorList {
	if f.Encoding == bootstrapv1.EncodingGzip {
		return field.ErrorList{field.Invalid(at.Child("encoding"), f.Encoding, "compressed content is no text: write it in base64, with encoding gzip+base64, or take it from a Secret")}
	}
	if f.Encoding != bootstrapv1.EncodingBase64 && f.Encoding != bootstrapv1.EncodingGzipBase64 {
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(f.Content))
	if err != nil {
		return field.ErrorList{field.Invalid(at.Child("content"), field.OmitValueType{}, fmt.Sprintf("must be in base64, as encoding says: %v", err))}
	}
	if f.Encoding == bootstrapv1.EncodingGzipBase64 {
		if _, err := gzip.NewReader(bytes.NewReader(decoded)); err != nil {
			return field.ErrorList{field.Invalid(at.Child("content"), field.OmitValueType{}, "must be compressed with gzip before it is written in base64, as encoding says")}
		}
	}
	return nil
}

// validateSource judges a reference to a Secret, and that nothing is written beside it.
func validateSource(source *bootstrapv1.SecretSource, beside bool, name string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if beside {
		errs = append(errs, field.Forbidden(at, fmt.Sprintf("cannot be set together with %s; remove one of the two", name)))
	}
	secret := at.Child("secret")
	if n := source.Secret.Name; n != "" && len(utilvalidation.IsDNS1123Subdomain(n)) > 0 {
		errs = append(errs, field.Invalid(secret.Child("name"), n, "must be the name of a Secret of this namespace, such as my-secret"))
	}
	if k := source.Secret.Key; k != "" && len(utilvalidation.IsConfigMapKey(k)) > 0 {
		errs = append(errs, field.Invalid(secret.Child("key"), k, "must be a key of the Secret's data: letters, digits, -, _ and dots, such as motd"))
	}
	return errs
}

// validateAbsolute wants a path that begins at the root, where there is one.
func validateAbsolute(text *string, at *field.Path, example string) field.ErrorList {
	if text == nil || *text == "" || path.IsAbs(*text) && !hasControl(*text) {
		return nil
	}
	return field.ErrorList{field.Invalid(at, *text, "must be an absolute path, such as "+example)}
}

func validateUsers(users []bootstrapv1.User, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	first := map[string]int{}
	for i := range users {
		u, item := &users[i], at.Index(i)
		if before, found := first[u.Name]; found {
			err := field.Duplicate(item.Child("name"), u.Name)
			err.Detail = fmt.Sprintf("item %d is the same user; make one of the two", before)
			errs = append(errs, err)
		}
		first[u.Name] = i
		if u.Name != "" && !userPattern.MatchString(u.Name) {
			errs = append(errs, field.Invalid(item.Child("name"), u.Name, "must be letters, digits, _, - and dots, beginning with a letter or _, such as ops"))
		}
		errs = append(errs, validatePassword(u, item)...)
		errs = append(errs, validateAbsolute(u.HomeDir, item.Child("homeDir"), "/home/ops")...)
		errs = append(errs, validateAbsolute(u.Shell, item.Child("shell"), "/bin/bash")...)
		for j, key := range u.SSHAuthorizedKeys {
			if !keyPattern.MatchString(key) || strings.Contains(strings.TrimSpace(key), "\n") {
				errs = append(errs, field.Invalid(item.Child("sshAuthorizedKeys").Index(j), field.OmitValueType{}, "must be one public key, such as ssh-ed25519 AAAAC3Nza… ops"))
			}
		}
	}
	return errs
}

// validatePassword wants a hash: cloud-init would take anything else for one.
func validatePassword(u *bootstrapv1.User, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if p := u.Passwd; p != nil && *p != "" && !strings.ContainsAny((*p)[:1], "$!*") {
		errs = append(errs, field.Invalid(at.Child("passwd"), field.OmitValueType{}, "must be the hash of the password, such as openssl passwd -6 prints; and keep it in a Secret (passwdFrom)"))
	}
	if u.PasswdFrom != nil {
		errs = append(errs, validateSource(u.PasswdFrom, u.Passwd != nil, "passwd", at.Child("passwdFrom"))...)
	}
	return errs
}

var tableTypes, partitions = []string{"mbr", "gpt"}, []string{"auto|any", "auto", "any", "none"}

func validateDisks(d *bootstrapv1.DiskSetup, at *field.Path) field.ErrorList {
	if d == nil {
		return nil
	}
	var errs field.ErrorList
	first := map[string]int{}
	for i := range d.Partitions {
		p, item := &d.Partitions[i], at.Child("partitions").Index(i)
		if before, found := first[p.Device]; found {
			err := field.Duplicate(item.Child("device"), p.Device)
			err.Detail = fmt.Sprintf("item %d is about the same disk; remove one of the two", before)
			errs = append(errs, err)
		}
		first[p.Device] = i
		if p.TableType != nil && !slices.Contains(tableTypes, *p.TableType) {
			errs = append(errs, field.NotSupported(item.Child("tableType"), *p.TableType, tableTypes))
		}
	}
	for i := range d.Filesystems {
		p := d.Filesystems[i].Partition
		if p == nil || slices.Contains(partitions, *p) {
			continue
		}
		if n, err := strconv.Atoi(*p); err != nil || n < 1 {
			errs = append(errs, field.Invalid(at.Child("filesystems").Index(i).Child("partition"), *p, "must be auto|any, auto, any, none or the number of a partition, such as 1"))
		}
	}
	return errs
}

// validateMount judges the first two of the fields; the others mean what they mean in fstab.
func validateMount(m bootstrapv1.MountPoints, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, text := range m {
		switch {
		case text == "" || strings.ContainsFunc(text, unicode.IsSpace):
			errs = append(errs, field.Invalid(at.Index(i), text, "must be one field of /etc/fstab, without blanks, such as /dev/nvme1n1, /data, ext4 or defaults,nofail"))
		case i == 1 && !path.IsAbs(text) && text != "none" && text != "swap":
			errs = append(errs, field.Invalid(at.Index(i), text, "must be where it is mounted, an absolute path such as /data, or none for swap"))
		}
	}
	return errs
}

// validateCommands wants text that a shell, and YAML, can hold.
func validateCommands(commands []string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, command := range commands {
		if hasControl(command) {
			errs = append(errs, field.Invalid(at.Index(i), field.OmitValueType{}, "must hold no control characters but newlines and tabs: write the command as text"))
		}
	}
	return errs
}

func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}
