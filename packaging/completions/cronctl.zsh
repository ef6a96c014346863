#compdef cronctl
@TABLE@
if ((CURRENT == 2)); then
  _describe -t commands command commands
  [[ ${words[2]} != -* ]] || compadd -- --help --version
elif [[ ${words[CURRENT - 1]} = --user ]]; then
  _users
elif [[ ${words[CURRENT - 1]} = --tz ]]; then
  _files -W /usr/share/zoneinfo
elif [[ ${words[CURRENT]} = -* ]]; then
  compadd -- ${=options[${words[2]}]}
else
  _files
fi
