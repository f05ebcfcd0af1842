package nodeconfig

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

// cloudConfig is a cloud-config, as far as configurations have it.
// https://docs.cloud-init.io/en/latest/reference/modules.html
type cloudConfig struct {
	Files      []file               `json:"write_files,omitempty"`
	Commands   []string             `json:"runcmd,omitempty"`
	NTP        *ntp                 `json:"ntp,omitempty"`
	Users      []user               `json:"users,omitempty"`
	Partitions map[string]partition `json:"disk_setup,omitempty"`
	Systems    []filesystem         `json:"fs_setup,omitempty"`
	Mounts     [][]string           `json:"mounts,omitempty"`
}

type file struct {
	Path        string `json:"path"`
	Owner       string `json:"owner,omitempty"`
	Permissions string `json:"permissions,omitempty"`
	Encoding    string `json:"encoding,omitempty"`
	Append      bool   `json:"append,omitempty"`
	Content     string `json:"content"`
}

type ntp struct {
	Enabled *bool    `json:"enabled,omitempty"`
	Servers []string `json:"servers,omitempty"`
}

type user struct {
	Name         string   `json:"name"`
	Gecos        *string  `json:"gecos,omitempty"`
	Groups       *string  `json:"groups,omitempty"`
	HomeDir      *string  `json:"homedir,omitempty"`
	Inactive     *bool    `json:"inactive,omitempty"`
	Shell        *string  `json:"shell,omitempty"`
	Passwd       *string  `json:"passwd,omitempty"`
	PrimaryGroup *string  `json:"primary_group,omitempty"`
	LockPasswd   *bool    `json:"lock_passwd,omitempty"`
	Sudo         *string  `json:"sudo,omitempty"`
	Keys         []string `json:"ssh_authorized_keys,omitempty"`
}

type partition struct {
	TableType *string `json:"table_type,omitempty"`
	Layout    *bool   `json:"layout,omitempty"`
	Overwrite *bool   `json:"overwrite,omitempty"`
}

type filesystem struct {
	Label      string   `json:"label,omitempty"`
	Filesystem string   `json:"filesystem"`
	Device     string   `json:"device"`
	Partition  *string  `json:"partition,omitempty"`
	Overwrite  *bool    `json:"overwrite,omitempty"`
	ExtraOpts  []string `json:"extra_opts,omitempty"`
}

// cloudConfigOf returns a cloud-config; nothing where there is nothing to do.
func cloudConfigOf(c *bootstrapv1.CloudInit, commands []string) ([]byte, error) {
	out := cloudConfig{Commands: commands}
	for i := range c.Files {
		out.Files = append(out.Files, fileOf(&c.Files[i]))
	}
	if c.NTP != nil && (c.NTP.Enabled != nil || len(c.NTP.Servers) > 0) {
		out.NTP = &ntp{Enabled: c.NTP.Enabled, Servers: c.NTP.Servers}
	}
	for _, u := range c.Users {
		out.Users = append(out.Users, user{Name: u.Name, Gecos: u.Gecos, Groups: u.Groups, HomeDir: u.HomeDir, Inactive: u.Inactive, Shell: u.Shell,
			Passwd: u.Passwd, PrimaryGroup: u.PrimaryGroup, LockPasswd: u.LockPassword, Sudo: u.Sudo, Keys: u.SSHAuthorizedKeys})
	}
	if d := c.DiskSetup; d != nil {
		for _, p := range d.Partitions {
			if out.Partitions == nil {
				out.Partitions = map[string]partition{}
			}
			out.Partitions[p.Device] = partition{TableType: p.TableType, Layout: p.Layout, Overwrite: p.Overwrite}
		}
		for _, f := range d.Filesystems {
			out.Systems = append(out.Systems, filesystem{Label: f.Label, Filesystem: f.Filesystem, Device: f.Device, Partition: f.Partition, Overwrite: f.Overwrite, ExtraOpts: f.ExtraOpts})
		}
	}
	for _, m := range c.Mounts {
		out.Mounts = append(out.Mounts, m)
	}
	text, err := yaml.Marshal(out)
	if err != nil || string(text) == "{}\n" {
		return nil, err
	}
	return append([]byte("#cloud-config\n"), text...), nil
}

// fileOf writes content that isn't text in base64, for YAML holds text only.
func fileOf(f *bootstrapv1.File) file {
	out := file{Path: f.Path, Owner: f.Owner, Permissions: f.Permissions, Encoding: string(f.Encoding), Append: f.Append, Content: f.Content}
	if isText(f.Content) {
		return out
	}
	switch f.Encoding {
	case "":
		out.Encoding = string(bootstrapv1.EncodingBase64)
	case bootstrapv1.EncodingGzip:
		out.Encoding = string(bootstrapv1.EncodingGzipBase64)
	default:
		return out // it claims to be base64 and isn't: cloud-init says so
	}
	out.Content = base64.StdEncoding.EncodeToString([]byte(f.Content))
	return out
}

// isText tells whether YAML can hold the content.
func isText(content string) bool {
	return utf8.ValidString(content) && !strings.ContainsFunc(content, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\ufeff' || r == '\ufffe' || r == '\uffff'
	})
}
