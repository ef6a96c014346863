# bash completion for cronctl(1)
@TABLE@
_cronctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-}
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$_cronctl_commands help --version" -- "$word")
    return
  fi
  case $before in
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$word"); return ;;
    --tz) mapfile -t COMPREPLY < <(cd /usr/share/zoneinfo 2> /dev/null && compgen -f -- "$word"); return ;;
  esac
  case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "${_cronctl_options[$command]-}" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -o filenames -F _cronctl cronctl
